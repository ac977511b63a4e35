import { Type } from '@sinclair/typebox'
import { AppError } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { ProjectId, problems, Strict, Time, Uuid } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { createUpload as create } from '../../lib/photos/uploads.ts'

const MAX_FILENAME = 255

/** Hands out a link to upload an image of a project. */
export const createUpload = endpoint({
  method: 'POST',
  path: '/images',
  summary: 'A link to upload an image of a project: post a form with every field of params, then file',
  tag: 'projects',
  body: Strict({ filename: Type.String(), project_id: ProjectId }),
  replies: {
    201: Type.Object({
      image_id: Uuid,
      upload_link: Type.String(),
      params: Type.Record(Type.String(), Type.String()),
      expires_at: Time,
    }),
    ...problems(400, 413, 415, 422, 503),
  },
  async handle({ body }, app, reply) {
    const filename = parseFilename(body.filename)
    const { uuid, form, expiresAt } = await create(app, { filename, projectId: body.project_id })
    return reply(
      201,
      { image_id: uuid, upload_link: form.url, params: form.fields, expires_at: expiresAt.toISOString() },
      { location: `${app.config.publicUrl}/photos/${uuid}` },
    )
  },
})

export const handler = lambda(createUpload)

/** A label, not a path: what it says is shown and never opened. */
function parseFilename(text: string): string {
  const filename = text.trim()
  if (filename.length >= 1 && filename.length <= MAX_FILENAME && !/\p{Cc}/u.test(filename)) return filename
  const detail = `must have 1 to ${MAX_FILENAME} characters, none of them a control character`
  throw new AppError('invalid', 422, `The filename ${detail}`, {
    errors: [{ pointer: '/filename', detail }],
  })
}
