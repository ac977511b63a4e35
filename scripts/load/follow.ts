import { uuidv7 } from 'uuidv7'
import { WebSocket } from 'ws'

/** What became of a photo; `at` is when it was heard, on the clock of `performance.now()`. */
type End = { at: number; type: 'image.uploaded' | 'image.failed'; reason: string }

/** The ends of a project's photos, as a socket reports them. */
export type Follower = {
  ends: ReadonlyMap<string, End>
  /** When anything was heard last. */
  heardAt(): number
  close(): void
}

type Heard = {
  id?: string
  type?: string
  subject?: string
  data?: { error: { code: string; message: string } | null }
  subscribed?: number
}

const AGAIN_MS = 300

/** Follows a project; a socket that is lost is opened again and gets what it missed. Throws where there is no service. */
export async function followProject(url: string, projectId: number): Promise<Follower> {
  const ends = new Map<string, End>()
  let cursor = uuidv7()
  let heardAt = performance.now()
  let closed = false
  let socket: WebSocket
  const first = Promise.withResolvers<void>()

  const hear = ({ id, type, subject, data, subscribed }: Heard) => {
    heardAt = performance.now()
    if (subscribed !== undefined) first.resolve()
    if (id !== undefined && id > cursor) cursor = id
    if (subject === undefined || ends.has(subject)) return
    if (type !== 'image.uploaded' && type !== 'image.failed') return
    ends.set(subject, { at: heardAt, type, reason: data?.error?.code ?? '' })
  }

  const open = () => {
    socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`)
    socket.on('open', () => socket.send(JSON.stringify({ subscribe: projectId, after: cursor })))
    socket.on('message', (data: Buffer) => hear(JSON.parse(data.toString()) as Heard))
    socket.on('error', (error) => first.reject(new Error(`No socket at ${url}: ${error.message}`)))
    socket.on('close', () => closed || setTimeout(() => closed || open(), AGAIN_MS))
  }
  const close = () => {
    closed = true
    socket.terminate()
  }

  open()
  await first.promise.catch((error) => {
    close()
    throw error
  })
  return { ends, heardAt: () => heardAt, close }
}
