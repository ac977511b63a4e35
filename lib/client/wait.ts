import type { StreamEvent } from './events.ts'
import { pause } from './send.ts'
import type { PhotoWithTimeline } from './shapes.ts'

/** A photo without a stream is looked at so often, in ms, and one with a stream all the same. */
const POLL_MS = 1_000
const LOOK_MS = 60_000

const ENDS = ['image.uploaded', 'image.failed', 'image.deleted']

type Show = (uuid: string, signal: AbortSignal | undefined) => Promise<PhotoWithTimeline>
type Events = (project: number, signal: AbortSignal, onOpen: () => void) => AsyncIterable<StreamEvent>
type Follower = ReturnType<typeof openFollower>

/** Waits for photos; all who wait for photos of a project share one event stream. */
export function openWait(show: Show, events: Events) {
  const followers = new Map<number, Follower>()

  async function follow<T>(project: number, use: (follower: Follower) => Promise<T>): Promise<T> {
    const follower = followers.get(project) ?? openFollower((...rest) => events(project, ...rest))
    followers.set(project, follower)
    follower.users++
    try {
      await follower.opened
      return await use(follower)
    } finally {
      if (--follower.users === 0) {
        followers.delete(project)
        follower.end()
      }
    }
  }

  /** Resolves when a photo is completed or failed; without a follower it gets one, if the photo has a project. */
  return async function wait(
    uuid: string,
    signal?: AbortSignal,
    follower?: Follower,
  ): Promise<PhotoWithTimeline> {
    for (;;) {
      // Before the look: what happens after it is heard.
      const change = follower?.change(uuid, signal)
      const photo = await show(uuid, signal)
      if (photo.status === 'completed' || photo.status === 'failed') return photo
      if (!follower && photo.project_id !== null)
        return follow(photo.project_id, (found) => wait(uuid, signal, found))
      await (change ?? pause(POLL_MS, signal))
      signal?.throwIfAborted()
    }
  }
}

/** Follows a stream until `end`; `opened` resolves when the stream is open, or cannot be. */
function openFollower(events: (signal: AbortSignal, onOpen: () => void) => AsyncIterable<StreamEvent>) {
  const waiting = new Map<string, () => void>()
  const wake = (uuids: readonly string[]) => {
    for (const uuid of uuids) waiting.get(uuid)?.()
  }
  const wakeAll = () => wake([...waiting.keys()])
  const controller = new AbortController()
  let timer = setInterval(wakeAll, LOOK_MS)
  const run = async (onOpen: () => void) => {
    for await (const { type, subject } of events(controller.signal, onOpen)) {
      if (type === 'reset') wakeAll()
      else if (subject && ENDS.includes(type)) wake([subject])
    }
  }
  const opened = new Promise<void>((resolve) => {
    run(resolve)
      .catch(() => {
        // No stream: who waits looks more often.
        clearInterval(timer)
        timer = setInterval(wakeAll, POLL_MS)
      })
      .finally(resolve)
  })
  const changes = new Map<string, Promise<void>>()
  return {
    users: 0,
    opened,
    end() {
      controller.abort()
      clearInterval(timer)
    },
    /** Resolves when a photo has ended, may have, or the signal aborts. */
    change(uuid: string, signal?: AbortSignal): Promise<void> {
      const change =
        changes.get(uuid) ??
        new Promise<void>((resolve) => {
          waiting.set(uuid, () => {
            waiting.delete(uuid)
            changes.delete(uuid)
            resolve()
          })
        })
      signal?.addEventListener('abort', () => wake([uuid]), { once: true })
      changes.set(uuid, change)
      return change
    },
  }
}
