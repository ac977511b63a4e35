import events from 'node:events'
import type { Response } from 'got'
import { AppError } from '../errors.ts'
import { once } from '../once.ts'
import { parseCidrs } from './address.ts'
import { openAgents } from './agent.ts'
import { badAnswer, failure } from './failure.ts'
import type { DownloadAsks, Downloaded, Downloader, DownloadOptions } from './port.ts'
import { checkSourceUrl, parseSourceUrl } from './source-url.ts'

const MAX_REDIRECTS = 5
/** Memory that a body without a length asks for at first; then twice as much each time. */
const FIRST_BYTES = 1024 * 1024
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** A downloader whose every hop is judged by its URL and by the address it dials. */
export function openDownloader({ allowCidrs, maxBytes, timeoutMs, lookup }: DownloadOptions): Downloader {
  parseCidrs(allowCidrs) // a wrong one is said at the start, not at the first refusal
  const { close, ...agent } = openAgents(allowCidrs, lookup)
  const connecting = Math.ceil(timeoutMs / 3)
  // Loaded by the first download: 13 MB that an idle process does without.
  const openClient = once(async () => {
    const { default: got } = await import('got')
    return got.extend({
      agent,
      decompress: false,
      followRedirect: false,
      headers: { 'user-agent': 'photo-processor', 'accept-encoding': 'identity' },
      retry: { limit: 0 },
      throwHttpErrors: false,
      timeout: {
        lookup: connecting,
        connect: connecting,
        secureConnect: connecting,
        socket: Math.ceil(timeoutMs / 2),
      },
    })
  })

  /** One request: the body, or the URL it is redirected to. */
  async function hop(
    url: URL,
    deadline: number,
    signal?: AbortSignal,
    asks?: DownloadAsks,
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
      const data = await readBody(stream, headers['content-length'], maxBytes, asks)
      return { data, contentType: headers['content-type'], url: url.href }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw failure(error, url.hostname)
    } finally {
      stream.destroy()
    }
  }

  return {
    async fetch(text, signal, asks) {
      signal?.throwIfAborted()
      let deadline = Date.now() + timeoutMs
      let url = parseSourceUrl(text, allowCidrs)
      for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
        const asked = Date.now()
        await asks?.enter(url)
        deadline += Date.now() - asked
        const answer = await hop(url, deadline, signal, asks)
        if (!(answer instanceof URL)) return answer
        url = answer
      }
      throw new AppError('too-many-redirects', `The source redirects more than ${MAX_REDIRECTS} times`)
    },
    close,
  }
}

/** Where a redirect leads; throws where it may not be followed. */
function redirectTarget(location: string, base: URL, allowed: readonly string[]): URL {
  const next = URL.parse(location, base.href)
  if (!next) throw new AppError('invalid-source', 'The source redirects to a malformed URL')
  return checkSourceUrl(next, allowed)
}

/** Collects at most `maxBytes`, and exactly what was declared. */
async function readBody(
  stream: AsyncIterable<Uint8Array>,
  declared: string | undefined,
  maxBytes: number,
  asks: DownloadAsks | undefined,
) {
  if (declared && Number(declared) > maxBytes) throw tooManyBytes(maxBytes)
  let granted = declared ? Number(declared) : FIRST_BYTES
  await asks?.grow(granted)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > maxBytes) throw tooManyBytes(maxBytes)
    if (size > granted) {
      granted = Math.min(Math.max(2 * granted, size), maxBytes)
      await asks?.grow(granted)
    }
    chunks.push(chunk)
  }
  if (declared && Number(declared) !== size) throw new Error(`${size} bytes instead of ${declared}`)
  const data = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    data.set(chunk, offset)
    offset += chunk.length
  }
  return data
}

const tooManyBytes = (maxBytes: number) =>
  new AppError('too-many-bytes', `The source is larger than ${maxBytes} bytes`)
