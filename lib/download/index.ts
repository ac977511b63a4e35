import events from 'node:events'
import type { Response } from 'got'
import { AppError } from '../errors.ts'
import { once } from '../once.ts'
import { parseAllowed } from './address.ts'
import { openAgents } from './agent.ts'
import { readBody } from './body.ts'
import { openBufferPool } from './buffers.ts'
import { badAnswer, failure } from './failure.ts'
import type { Downloaded, Downloader, DownloadGates, DownloadOptions } from './port.ts'
import type { LeastRate } from './rate.ts'
import { redirectTarget } from './redirect.ts'
import { parseSourceUrl } from './source-url.ts'

const MAX_REDIRECTS = 5
/** WebP and AVIF are not named: who converts for them makes from a JPEG what is worse, and takes longer to decode. */
const ACCEPT = 'image/jpeg,image/png,image/*;q=0.9,*/*;q=0.8'
const LEAST_RATE: LeastRate = { bytes: 10_000, ms: 10_000 }
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** A downloader whose every hop is judged by its URL and by the address it dials. */
export function openDownloader({
  allowCidrs,
  maxBytes,
  timeoutMs,
  userAgent,
  lookup,
  leastRate = LEAST_RATE,
  buffers = openBufferPool(),
}: DownloadOptions): Downloader {
  parseAllowed(allowCidrs) // a wrong one is said at the start, not at the first refusal
  const { close, ...agent } = openAgents(allowCidrs, lookup)
  const connecting = Math.ceil(timeoutMs / 3)
  // Loaded by the first download: 13 MB that an idle process does without.
  const openClient = once(async () => {
    const { default: got } = await import('got')
    return got.extend({
      agent,
      decompress: false,
      followRedirect: false,
      // Images do not shrink by compression; what comes compressed all the same is undone.
      headers: { 'user-agent': userAgent, accept: ACCEPT, 'accept-encoding': 'identity' },
      retry: { limit: 0 },
      throwHttpErrors: false,
      timeout: {
        lookup: connecting,
        connect: connecting,
        secureConnect: connecting,
        socket: Math.ceil(timeoutMs / 2),
        response: Math.ceil(timeoutMs / 2),
      },
    })
  })

  /** One request: the body, or the URL it is redirected to. */
  async function hop(
    url: URL,
    deadline: number,
    signal?: AbortSignal,
    gates?: DownloadGates,
  ): Promise<Downloaded | URL> {
    const request = Math.max(1, deadline - Date.now())
    const client = await openClient()
    const stream = client.stream(url, { timeout: { request }, signal })
    stream.on('error', () => {}) // between the awaits nobody else listens
    try {
      const [response] = (await events.once(stream, 'response')) as [Response]
      const { statusCode, headers } = response
      if (REDIRECTS.has(statusCode) && headers.location)
        return redirectTarget(headers.location, url, allowCidrs)
      if (statusCode < 200 || statusCode > 299) throw badAnswer(statusCode, headers)
      if (statusCode === 206)
        throw new AppError('invalid-answer', 'The source sent a part without being asked')
      const limits = { maxBytes, leastRate, buffers, grow: gates?.grow }
      const body = await readBody(stream, headers, limits)
      return { ...body, contentType: headers['content-type'], url: url.href }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw failure(error, url.hostname, stream.response?.complete)
    } finally {
      stream.destroy()
    }
  }

  return {
    async fetch(text, signal, gates) {
      signal?.throwIfAborted()
      let deadline = Date.now() + timeoutMs
      let url = parseSourceUrl(text, allowCidrs)
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        const since = Date.now()
        await gates?.enter(url)
        deadline += Date.now() - since
        const answer = await hop(url, deadline, signal, gates)
        if (!(answer instanceof URL)) return answer
        url = answer
      }
      throw new AppError('too-many-redirects', `The source redirects more than ${MAX_REDIRECTS} times`)
    },
    close() {
      close()
      buffers.close()
    },
  }
}
