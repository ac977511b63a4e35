import { PhotoProcessorError } from './errors.ts'
import type { PhotoEvent } from './shapes.ts'

/** How far the clocks of sender and receiver may be apart, in s. */
const TOLERANCE_S = 300

type Options = { toleranceS?: number; now?: () => number }

/**
 * The event of a webhook (Standard Webhooks 1.0), if one of the secrets signed it within the tolerance. `body` is what came,
 * not parsed and written again.
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: Headers | Record<string, string | readonly string[] | undefined>,
  secrets: string | readonly string[],
  { toleranceS = TOLERANCE_S, now = Date.now }: Options = {},
): Promise<PhotoEvent> {
  const header = (name: string) =>
    String((headers instanceof Headers ? headers.get(name) : headers[name]) ?? '')
  const [id, timestamp] = [header('webhook-id'), header('webhook-timestamp')]
  const seconds = /^\d+$/.test(timestamp) ? Number(timestamp) : Number.NaN
  if (!(Math.abs(now() / 1000 - seconds) <= toleranceS)) throw refusal('The webhook is too old or too new')
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${text}`)
  const signatures = header('webhook-signature')
    .split(' ')
    .flatMap((one) => (one.startsWith('v1,') ? decode(one.slice(3)) : []))
  for (const secret of [secrets].flat()) {
    const [bytes] = decode(secret.replace(/^whsec_/, ''))
    if (!bytes?.length) throw new TypeError('A secret is whsec_ and base64')
    const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, [
      'verify',
    ])
    // Takes the same time whatever differs.
    for (const signature of signatures)
      if (await crypto.subtle.verify('HMAC', key, signature, signed)) return JSON.parse(text) as PhotoEvent
  }
  throw refusal('No secret made the signature of the webhook')
}

const refusal = (message: string) =>
  new PhotoProcessorError(message, { status: 400, code: 'invalid-signature' })

function decode(base64: string): Uint8Array<ArrayBuffer>[] {
  try {
    return [Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))]
  } catch {
    return []
  }
}
