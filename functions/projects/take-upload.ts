import { Type } from '@sinclair/typebox'
import { AppError } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { Bytes, NoBody, problems } from '../../lib/http/schemas.ts'
import { settleUpload, storeOriginal } from '../../lib/photos/receive-upload.ts'
import { findProjectImage } from '../../lib/photos/uploads.ts'
import { parseTraceparent } from '../../lib/trace.ts'

/** Receives the form of an upload link into the local store; with a bucket, forms go there instead. */
export const takeUpload = endpoint({
  method: 'POST',
  path: '/uploads',
  access: 'public',
  summary: 'Receive the form of an upload link, where the storage is local',
  tag: 'projects',
  form: Type.Object({ file: Bytes }, { additionalProperties: Type.String() }),
  replies: {
    204: NoBody,
    ...problems(
      400,
      403,
      404,
      408,
      409,
      413,
      415,
      422,
      503,
      'upload-refused',
      'upload-expired',
      'already-uploaded',
      'too-many-bytes',
      'empty-source',
      'invalid-upload',
      'quota-exceeded',
    ),
  },
  async handle({ form, headers }, app, reply) {
    if (!app.storage.verifyUpload) throw new AppError('not-found', 'Uploads go to the bucket')
    const fields: Record<string, string> = {}
    for await (const part of form) {
      if (part.kind === 'field') {
        fields[part.name] = part.value
        continue
      }
      if (part.name !== 'file') throw new AppError('invalid-upload', 'The content must be the field "file"')
      const { key, maxBytes } = await app.storage.verifyUpload(fields)
      const image = await findProjectImage(app, key.slice(key.lastIndexOf('/') + 1))
      if (image.status !== 'init') throw new AppError('already-uploaded', 'The image has been uploaded')
      await storeOriginal(app, image.uuid, part.content, maxBytes)
      // A form of a browser names no trace; whose link it is does.
      const trace = parseTraceparent(headers.traceparent) && app.trace
      await settleUpload({ ...app, trace }, image.uuid)
      return reply(204, null)
    }
    throw new AppError('invalid-upload', 'The form has no field "file" after the fields of params')
  },
})
