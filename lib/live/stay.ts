import type { ServerResponse } from 'node:http'
import { unauthorized } from '../access/authorize.ts'
import type { Caller } from '../access/caller.ts'
import { watchCaller } from '../access/watch.ts'
import type { App } from '../app.ts'
import type { AppError } from '../errors.ts'
import type { Connections } from './connections.ts'
import type { LiveApp } from './hub.ts'

/** How a request stays open until something has happened. */
export type Stay = {
  /** Takes a place among what the caller has open; returns how to give it back. Throws `too-many-sockets`. */
  enter(): () => void
  /** Calls `listener` at every event of a photo; returns how to end that. Missing where a process hears of no events. */
  listen?(uuid: string, listener: () => void): () => void
  /** Calls `end` when the client has gone, the service closes, or, with `unauthorized`, the credential has ended; returns how to stop that. */
  watch(end: (error?: AppError) => void): () => void
}

/** How a request of a caller stays open; `raw` is its answer, which has not begun. */
export function openStay(
  app: App & Partial<Pick<LiveApp, 'hub'>>,
  { caller, raw, connections }: { caller: Caller; raw: ServerResponse; connections: Connections },
): Stay {
  const { hub, stopping } = app
  return {
    enter: () => connections.enter(caller),
    ...(hub && { listen: (uuid, listener) => hub.subscribe({ kind: 'photo', uuid }, listener) }),
    watch(end) {
      const closing = hub?.closing ?? stopping
      const onEnd = () => end()
      raw.once('close', onEnd)
      closing.addEventListener('abort', onEnd)
      const stopWatching = watchCaller(app, caller, () => end(unauthorized()))
      if (closing.aborted || raw.destroyed) end()
      return () => {
        raw.off('close', onEnd)
        closing.removeEventListener('abort', onEnd)
        stopWatching()
      }
    },
  }
}
