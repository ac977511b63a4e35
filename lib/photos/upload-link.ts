import type { Readable } from 'node:stream'
import { AppError, type ErrorCode } from '../errors.ts'
import { tooManyBytes } from '../storage/limits.ts'
import { parseTraceparent } from '../trace.ts'
import { settleUpload, storeOriginal } from './receive-upload.ts'
import { findProjectImage, type UploadApp } from './uploads.ts'

/** Throws `not-found` where uploads go to a bucket. */
export function verifierOf({ storage }: Pick<UploadApp, 'storage'>) {
  if (storage.verifyUpload) return storage.verifyUpload
  throw new AppError('not-found', 'Uploads go to the bucket')
}

/** The codes with which an upload by a link is refused, whichever way its bytes come. */
export const LINK_REFUSALS = [
  ...(['upload-refused', 'upload-expired', 'already-uploaded', 'too-many-bytes'] as const),
  ...(['empty-source', 'invalid-upload', 'quota-exceeded'] as const),
] as const satisfies ErrorCode[]

type Headers = Record<string, string | string[] | undefined>

/**
 * Takes the bytes of an image that come by an upload link, whose `fields` say what it allows; `bytes` is how many the client says they
 * are. Throws as `verifyUpload`, `storeOriginal` and `settleUpload`, and `already-uploaded`.
 */
export async function takeByLink(
  app: UploadApp,
  fields: Readonly<Record<string, string>>,
  content: Readable,
  { headers, bytes = 0 }: { headers: Headers; bytes?: number },
): Promise<void> {
  const { key, maxBytes } = await verifierOf(app)(fields)
  const image = await findProjectImage(app, key.slice(key.lastIndexOf('/') + 1))
  if (image.status !== 'init') throw new AppError('already-uploaded', 'The image has been uploaded')
  if (bytes > maxBytes) throw tooManyBytes(maxBytes)
  await storeOriginal(app, image.uuid, content, maxBytes)
  // A client that only uploads names no trace; whose link it is does.
  const trace = parseTraceparent(headers.traceparent) && app.trace
  await settleUpload({ ...app, trace }, image.uuid)
}
