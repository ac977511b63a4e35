import { Type } from '@sinclair/typebox'
import { ownerFor } from '../../lib/access/caller.ts'
import { checkSubmittedUrl } from '../../lib/download/source-url.ts'
import { endpoint } from '../../lib/function.ts'
import { PhotoDetails, ProjectId, problems, Strict } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { readerOf, showPhoto } from '../../lib/photos/show.ts'

const Url = Type.String({ minLength: 1 })

/** Adds photos that wait until their processing is requested. */
export const add = endpoint({
  method: 'POST',
  path: '/photos',
  access: 'write',
  summary: 'Add photos by URL; they wait until their processing is requested',
  tag: 'photos',
  body: Type.Union([
    Strict({ url: Url, project_id: Type.Optional(ProjectId) }),
    Strict({
      urls: Type.Array(Url, { minItems: 1, maxItems: 1000 }),
      project_id: Type.Optional(ProjectId),
    }),
  ]),
  replies: {
    201: Type.Union([PhotoDetails, Type.Array(PhotoDetails)], {
      description: 'The photo of `url`, or those of `urls` in their order',
    }),
    ...problems(
      400,
      401,
      403,
      404,
      413,
      415,
      422,
      503,
      'blocked-address',
      'invalid-source',
      'quota-exceeded',
    ),
  },
  async handle({ body, caller }, app, reply) {
    const { sourceAllowCidrs, publicUrl } = app.config
    const urls =
      'url' in body
        ? [{ pointer: '/url', url: body.url }]
        : body.urls.map((url, i) => ({ pointer: `/urls/${i}`, url }))
    for (const { url, pointer } of urls) checkSubmittedUrl(url, pointer, sourceAllowCidrs)
    const owner = ownerFor(caller, body.project_id)
    const photos = await addPhotos(
      app,
      urls.map(({ url }) => ({ url, door: 'photos', owner })),
    )
    const reader = await readerOf(app, caller)
    const shown = photos.map((photo) => showPhoto(photo, [], reader))
    const [first] = shown
    if (!('url' in body) || !first) return reply(201, shown)
    return reply(201, first, { location: `${publicUrl}/photos/${first.uuid}` })
  },
})

export const handler = lambda(add)
