import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { PhotoDetails } from '../../lib/http/schemas/photos.ts'
import { LabelChanges } from '../../lib/http/schemas/requests.ts'
import { Line, Nullable, Strict, UuidParams } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { readerOf, showPhoto } from '../../lib/photos/show.ts'
import { updatePhoto } from '../../lib/photos/update.ts'
import { findRenditions } from '../../lib/renditions/row.ts'

/** Changes the name, the reference and the labels of a photo. */
export const update = endpoint({
  method: 'PATCH',
  path: '/photos/:uuid',
  access: 'write',
  summary: 'Change the name, the reference and the labels of a photo; null clears',
  tag: 'photos',
  params: UuidParams,
  body: Strict({
    name: Type.Optional(Nullable(Line)),
    reference: Type.Optional(Nullable(Line)),
    labels: Type.Optional(Nullable(LabelChanges)),
  }),
  replies: { 200: PhotoDetails, ...problems(404, 503) },
  async handle({ params, body, caller }, app) {
    const photo = await updatePhoto(app, params.uuid, body, caller.projects)
    return showPhoto(photo, await findRenditions(app.db, [photo.uuid]), await readerOf(app, caller))
  },
})

export const handler = lambda(update)
