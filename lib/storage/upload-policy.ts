import { createHmac, timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { UploadLimits, UploadPolicy } from './port.ts'

/** Fields of an upload form: what it allows, in base64, and an HMAC-SHA256 of that. */
export function signPolicy(secret: Uint8Array, key: string, { maxBytes, expiresAt }: UploadLimits) {
  const policy = Buffer.from(JSON.stringify({ key, maxBytes, expires: expiresAt.toISOString() })).toString(
    'base64',
  )
  return { key, policy, signature: mac(secret, policy).toString('hex') }
}

/** What a form allows. Throws `upload-refused` where it is not ours or was changed, `upload-expired` past its time. */
export function verifyPolicy(
  secret: Uint8Array,
  { key, policy = '', signature = '' }: Readonly<Record<string, string>>,
  now = Date.now(),
): UploadPolicy {
  const given = Buffer.from(signature, 'hex')
  const wanted = mac(secret, policy)
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw refused()
  const allowed = JSON.parse(Buffer.from(policy, 'base64').toString()) as UploadPolicy & { expires: string }
  if (allowed.key !== key) throw refused()
  if (Date.parse(allowed.expires) < now) throw new AppError('upload-expired', 'The upload link has expired')
  return { key: allowed.key, maxBytes: allowed.maxBytes }
}

const mac = (secret: Uint8Array, policy: string) => createHmac('sha256', secret).update(policy).digest()

const refused = () => new AppError('upload-refused', 'The form is not the one that was handed out')
