import { Type } from '@sinclair/typebox'
import { ownerFor, uploadLimit } from '../../lib/access/caller.ts'
import { endpoint } from '../../lib/function.ts'
import { ProjectIdOrText, readProjectId } from '../../lib/http/project-id.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { Strict, Time, Uuid } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { createUpload as create, parseFilename } from '../../lib/photos/uploads.ts'

/** Creates an upload link for an image of a project. */
export const createUpload = endpoint({
  method: 'POST',
  path: '/images',
  access: 'write',
  summary: 'Create an upload link for an image: post a form with every field of params, then file',
  tag: 'projects',
  body: Strict({
    filename: Type.String({ description: 'A label of 1 to 255 characters, never a path' }),
    project_id: ProjectIdOrText,
  }),
  replies: {
    201: Type.Object(
      {
        image_id: Uuid,
        upload_link: Type.String({ description: 'Post a form here: each of `params`, then `file`' }),
        params: Type.Record(Type.String(), Type.String(), { description: 'The fields before `file`' }),
        expires_at: Time,
      },
      { title: 'UploadLink', description: 'Where the bytes of the image go, and until when' },
    ),
    ...problems(404, 503, 'quota-exceeded'),
  },
  async handle({ body, caller }, app, reply) {
    const filename = parseFilename(body.filename)
    const owner = ownerFor(caller, readProjectId(body.project_id))
    const maxBytes = uploadLimit(app, caller)
    const { uuid, form, expiresAt } = await create(app, { filename, owner, maxBytes })
    return reply(
      201,
      { image_id: uuid, upload_link: form.url, params: form.fields, expires_at: expiresAt.toISOString() },
      { location: `${app.config.publicUrl}/photos/${uuid}` },
    )
  },
})

export const handler = lambda(createUpload)
