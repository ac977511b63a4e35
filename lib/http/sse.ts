import type { OutgoingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyReply } from 'fastify'
import type { Caller } from '../access/caller.ts'
import { watchCaller } from '../access/watch.ts'
import { follow } from '../live/follow.ts'
import type { LiveApp } from '../live/hub.ts'
import { isReplayable, type Subscription } from '../outbox/replay.ts'

/** A proxy that keeps events back would have them come late. */
export const EVENT_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

/** Bytes that may wait for a client before it is dropped. */
const MAX_BUFFERED = 1024 * 1024
const HEARTBEAT_MS = 15_000
/** Time in ms for a client to read what is left when its stream ends. */
const END_TIMEOUT_MS = 2_000

/** Serves Server-Sent Events (WHATWG HTML, 9.2) until the client goes; it comes back with `Last-Event-ID`. */
export async function serveEvents(
  app: LiveApp,
  response: FastifyReply,
  caller: Caller,
  { subscription, cursor }: { subscription: Subscription; cursor: string | undefined },
): Promise<void> {
  response.hijack()
  const { raw } = response
  raw.writeHead(200, {
    ...(response.getHeaders() as OutgoingHttpHeaders),
    ...EVENT_HEADERS,
  })
  const ended = new AbortController()
  const write = (text: string) => {
    if (raw.writableLength > MAX_BUFFERED) raw.destroy()
    else if (!raw.writableEnded) raw.write(text)
  }
  // Something must go out for the headers to.
  write(': connected\n\n')
  const timer = setInterval(() => write(': still here\n\n'), HEARTBEAT_MS)
  raw.on('error', () => {})
  const end = () => {
    raw.end()
    setTimeout(() => raw.destroy(), END_TIMEOUT_MS).unref()
  }
  const stopWatching = watchCaller(app, caller, end)
  app.hub.closing.addEventListener('abort', end)
  raw.on('close', () => {
    stopWatching()
    app.hub.closing.removeEventListener('abort', end)
    clearInterval(timer)
    ended.abort()
  })
  if (app.hub.closing.aborted) return end()
  const sink = {
    send: ({ id, text }: { id: string; text: string }) => write(`id: ${id}\ndata: ${text}\n\n`),
    async ready() {
      while (!raw.destroyed && raw.writableLength > MAX_BUFFERED / 2) await delay(50)
    },
  }
  const replayable = cursor !== undefined && isReplayable(cursor)
  if (cursor !== undefined && !replayable) write('event: reset\ndata: {}\n\n')
  await follow(app, subscription, replayable ? cursor : undefined, sink, ended.signal)
}
