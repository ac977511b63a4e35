import { Type } from '@sinclair/typebox'
import { AppError } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { Bytes, NoBody, problems } from '../../lib/http/schemas/answers.ts'
import { UploadQuery } from '../../lib/http/schemas/requests.ts'
import { LINK_REFUSALS, takeByLink, verifierOf } from '../../lib/photos/upload-link.ts'

/** Receives the form of an upload link into the local store; with a bucket, forms go there instead. */
export const takeUpload = endpoint({
  method: 'POST',
  path: '/uploads',
  access: 'public',
  summary: 'Receive the form of an upload link, where the storage is local',
  tag: 'projects',
  query: UploadQuery,
  // The fields of params are texts, but a type of TypeScript with `file` beside an index of texts does not compile.
  form: Type.Object({ file: Bytes }, { additionalProperties: true }),
  replies: {
    204: NoBody,
    ...problems(404, 503, ...LINK_REFUSALS),
  },
  async handle({ form, query, headers }, app, reply) {
    verifierOf(app)
    const fields: Record<string, string> = { ...query }
    for await (const part of form) {
      if (part.kind === 'field') {
        fields[part.name] = part.value
        continue
      }
      if (part.name !== 'file') throw new AppError('invalid-upload', 'The content must be the field "file"')
      await takeByLink(app, fields, part.content, { headers })
      return reply(204, null)
    }
    throw new AppError('invalid-upload', 'The form has no field "file" after the fields of params')
  },
})
