import type { StreamEvent } from './events.ts'
import { pause } from './send.ts'
import type { PhotoWithTimeline } from './shapes.ts'

/** A photo that no stream speaks of is looked at so often, in ms, and one with a stream all the same. */
const POLL_MS = 1_000
const LOOK_MS = 60_000
/** How long the service may hold its answer about a photo that no stream speaks of, in s. */
const HOLD_S = 10

const ENDS = ['image.uploaded', 'image.failed', 'image.deleted']

type Show = (uuid: string, signal: AbortSignal, holdS: number | undefined) => Promise<PhotoWithTimeline>
type Events = (project: number, signal: AbortSignal, onOpen: () => void) => AsyncIterable<StreamEvent>
type Waiter = { uuid: string; wake: () => void }

/** Waits for photos; all who wait for photos of a project share one event stream. */
export function openWait(show: Show, events: Events) {
  const streams = new Map<number, ReturnType<typeof openStream>>()

  /** Resolves when a photo is completed or failed. */
  return async function wait(
    uuid: string,
    signal = new AbortController().signal,
  ): Promise<PhotoWithTimeline> {
    const waiter: Waiter = { uuid, wake: () => {} }
    let leave = () => {}
    let holdS: number | undefined
    try {
      for (let stream: ReturnType<typeof openStream> | undefined; ; signal.throwIfAborted()) {
        // Before the look: what happens after it is heard.
        const woken = new AbortController()
        waiter.wake = () => woken.abort()
        const photo = await show(uuid, signal, holdS)
        if (photo.status === 'completed' || photo.status === 'failed') return photo
        const project = photo.project_id
        if (stream || project === null) {
          const lookMs = stream?.lookMs() ?? POLL_MS
          holdS = lookMs === POLL_MS ? HOLD_S : undefined
          await pause(lookMs, AbortSignal.any([woken.signal, signal]))
        } else {
          const joined = streams.get(project) ?? openStream((...rest) => events(project, ...rest))
          streams.set(project, joined)
          leave = () => joined.leave(waiter) && streams.delete(project)
          await joined.join(waiter)
          stream = joined
        }
      }
    } finally {
      leave()
    }
  }
}

/** A stream that some wait at: they are woken when their photo has ended, or may have. */
function openStream(events: (signal: AbortSignal, onOpen: () => void) => AsyncIterable<StreamEvent>) {
  const waiters = new Set<Waiter>()
  const controller = new AbortController()
  let lookMs = LOOK_MS
  const wake = (subject?: string) => {
    for (const { uuid, wake } of waiters) if (!subject || subject === uuid) wake()
  }
  const follow = async (onOpen: () => void) => {
    for await (const { type, subject } of events(controller.signal, onOpen))
      if (type === 'reset' || ENDS.includes(type)) wake(subject ?? undefined)
  }
  const opened = new Promise<void>((resolve) => {
    follow(resolve).catch(() => {
      lookMs = POLL_MS
      wake()
      resolve()
    })
  })
  return {
    lookMs: () => lookMs,
    /** Resolves when the stream is open, or cannot be. */
    join: (waiter: Waiter) => waiters.add(waiter) && opened,
    /** Ends the stream with the last who leaves it, and says whether it did. */
    leave(waiter: Waiter): boolean {
      waiters.delete(waiter)
      if (waiters.size === 0) controller.abort()
      return waiters.size === 0
    },
  }
}
