import { Type } from '@sinclair/typebox'
import { checkSubmittedUrl } from '../../lib/download/source-url.ts'
import { endpoint } from '../../lib/function.ts'
import { PhotoDetails, problems, Strict } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { showPhoto } from '../../lib/photos/show.ts'

const Url = Type.String({ minLength: 1 })

/** Adds photos that wait until their processing is requested. */
export const add = endpoint({
  method: 'POST',
  path: '/photos',
  summary: 'Add photos by URL; they wait until their processing is requested',
  tag: 'photos',
  body: Type.Union([
    Strict({ url: Url }),
    Strict({ urls: Type.Array(Url, { minItems: 1, maxItems: 1000 }) }),
  ]),
  replies: {
    201: Type.Union([PhotoDetails, Type.Array(PhotoDetails)]),
    ...problems(400, 413, 415, 422, 503),
  },
  async handle({ body }, app, reply) {
    const { sourceAllowCidrs, publicUrl } = app.config
    const urls =
      'url' in body
        ? [{ pointer: '/url', url: body.url }]
        : body.urls.map((url, i) => ({ pointer: `/urls/${i}`, url }))
    for (const { url, pointer } of urls) checkSubmittedUrl(url, pointer, sourceAllowCidrs)
    const photos = await addPhotos(
      app,
      urls.map(({ url }) => ({ url, door: 'photos' })),
    )
    const shown = photos.map((photo) => showPhoto(photo, []))
    const [first] = shown
    if (!('url' in body) || !first) return reply(201, shown)
    return reply(201, first, { location: `${publicUrl}/photos/${first.uuid}` })
  },
})

export const handler = lambda(add)
