import { errorOf, PhotoProcessorError } from './errors.ts'
import { backoff, isPassing, pause, type Send } from './send.ts'
import type { PhotoEvent } from './shapes.ts'

/** Something that happened to a photo; or `reset`: events may have been missed, what was read before is to be read anew. */
export type StreamEvent = PhotoEvent | { type: 'reset'; subject: null }

export type FollowOptions = {
  /** Replays first what happened since this event. */
  after?: string
  /** Ends the iteration. */
  signal?: AbortSignal
  /** Called each time the stream is open. */
  onOpen?: () => void
}

/** The service says something every 15 s; a connection that says nothing for so many ms is given up. */
const SILENCE_MS = 45_000
/** Ids that are remembered, since a replay begins before the cursor. */
const KNOWN = 10_000

/** The events of a stream, each once, over as many connections as it takes. */
export async function* follow(send: Send, url: string, options: FollowOptions): AsyncGenerator<StreamEvent> {
  const { signal, onOpen } = options
  const known = new Set<string>()
  let cursor = options.after
  for (let failures = 0; !signal?.aborted; failures++) {
    const connection = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const heard = () => {
      clearTimeout(timer)
      timer = setTimeout(() => connection.abort(), SILENCE_MS)
    }
    heard()
    try {
      const signals = [connection.signal].concat(signal ?? [])
      const headers = { accept: 'text/event-stream', ...(cursor && { 'last-event-id': cursor }) }
      const response = await send(new Request(url, { headers, signal: AbortSignal.any(signals) }))
      if (!response.ok || !response.body) throw errorOf(response, await response.json().catch(() => null))
      onOpen?.()
      // Without a cursor nothing says what happened since the last connection.
      if (failures > 0 && !cursor) yield { type: 'reset', subject: null }
      for await (const { id, event, data = '' } of readStream(response.body, heard)) {
        failures = 0
        if (event === 'reset') yield { type: 'reset', subject: null }
        if (event === 'reset' || !id) continue
        cursor = id
        if (known.has(id)) continue
        known.add(id)
        if (known.size > KNOWN) known.delete(known.values().next().value ?? '')
        yield JSON.parse(data) as PhotoEvent
      }
    } catch (error) {
      if (error instanceof PhotoProcessorError && !isPassing(error.status)) throw error
    } finally {
      clearTimeout(timer)
      connection.abort()
    }
    await pause(backoff(failures), signal)
  }
}

/** The fields of each message of a stream of Server-Sent Events, as the service writes them. */
async function* readStream(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  heard: () => void,
): AsyncGenerator<Record<string, string>> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    heard()
    const messages = (text + value).split('\n\n')
    text = messages.pop() ?? ''
    for (const message of messages)
      yield Object.fromEntries(message.split('\n').map((line) => line.split(/: (.*)/s, 2)))
  }
}
