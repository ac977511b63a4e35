import { PhotoProcessorError } from './errors.ts'

/** A key or an access token, or what gets a current one for each request. */
export type Key = string | (() => string | undefined | Promise<string | undefined>)

export type Send = (request: Request) => Promise<Response>

/** Answers after which the same request may succeed. */
export const isPassing = (status: number): boolean => [0, 429, 502, 503, 504].includes(status)

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

/** A pause before another try, in ms: twice as long after each failure, less up to a half of chance. */
export const backoff = (failures: number): number =>
  Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS) * (1 - Math.random() / 2)

/** Resolves after `ms`, or when a signal aborts. */
export function pause(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms)
    function end() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    if (signal?.aborted) end()
    else signal?.addEventListener('abort', end)
  })
}

/** Sends requests with the key; tries again what passes, where that can do no harm: reads, and what has an idempotency key. */
export function openSend(key: Key | undefined, fetch: typeof globalThis.fetch, retries: number): Send {
  return async (request) => {
    const token = typeof key === 'function' ? await key() : key
    if (token) request.headers.set('authorization', `Bearer ${token}`)
    const isRepeatable = request.method === 'GET' || request.headers.has('idempotency-key')
    const most = isRepeatable ? retries : 0
    for (let failures = 0; ; failures++) {
      const answer = await fetch(request.clone()).catch((cause: unknown) => {
        if (request.signal.aborted) throw cause
        return new PhotoProcessorError('The service cannot be reached', { code: 'unreachable', cause })
      })
      const isLast = failures >= most || !isPassing(answer.status)
      if (isLast && answer instanceof Error) throw answer
      if (isLast) return answer as Response
      const after = 'headers' in answer ? Number(answer.headers.get('retry-after')) * 1000 : 0
      await pause(after || backoff(failures), request.signal)
      request.signal.throwIfAborted()
    }
  }
}
