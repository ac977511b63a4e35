import { Type } from '@sinclair/typebox'
import { ownerFor } from '../../lib/access/caller.ts'
import { checkSubmittedUrl } from '../../lib/download/source-url.ts'
import { endpoint } from '../../lib/function.ts'
import { onlyOneOf } from '../../lib/http/only-one-of.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { PhotoDetails } from '../../lib/http/schemas/photos.ts'
import { Labels } from '../../lib/http/schemas/requests.ts'
import { Line, ProjectId, Strict } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { readerOf, showPhoto } from '../../lib/photos/show.ts'

const Url = Type.String({ minLength: 1 })

/** What a client may call a photo. */
const Names = { name: Type.Optional(Line), reference: Type.Optional(Line) }

const MOST = { minItems: 1, maxItems: 1000 }

/** Adds photos that wait until their processing is requested, which the request may do itself. */
export const add = endpoint({
  method: 'POST',
  path: '/photos',
  access: 'write',
  summary: 'Add photos by URL; they wait until their processing is requested',
  tag: 'photos',
  body: Strict({
    url: Type.Optional(Url),
    urls: Type.Optional(Type.Array(Url, MOST)),
    items: Type.Optional(Type.Array(Strict({ url: Url, ...Names }), MOST)),
    ...Names,
    labels: Type.Optional(Labels),
    project_id: Type.Optional(ProjectId),
    process: Type.Optional(Type.Boolean({ description: 'queues them at once' })),
  }),
  replies: {
    201: Type.Union([PhotoDetails, Type.Array(PhotoDetails)], {
      description: 'The photo of `url`, or those of `urls` in their order',
    }),
    ...problems(404, 503, 'blocked-address', 'invalid-source', 'quota-exceeded'),
  },
  async handle({ body, caller }, app, reply) {
    const { sourceAllowCidrs, publicUrl } = app.config
    const { name, reference, labels, project_id, process: queued = false } = body
    const items = itemsOf(body)
    for (const { url, pointer } of items) checkSubmittedUrl(url, pointer, sourceAllowCidrs)
    const owner = ownerFor(caller, project_id)
    const photos = await addPhotos(
      app,
      items.map((item) => ({
        url: item.url,
        name: item.name ?? name,
        reference: item.reference ?? reference,
        labels,
        door: 'photos',
        owner,
        queued,
      })),
    )
    const reader = await readerOf(app, caller)
    const shown = photos.map((photo) => showPhoto(photo, [], reader))
    const [first] = shown
    if (body.url === undefined || !first) return reply(201, shown)
    return reply(201, first, { location: `${publicUrl}/photos/${first.uuid}` })
  },
})

type Item = { url: string; name?: string; reference?: string }

/** The sources that a body names, and where; throws `invalid` unless it names them in one of the three ways. */
function itemsOf(body: { url?: string; urls?: string[]; items?: Item[] }): (Item & { pointer: string })[] {
  const name = onlyOneOf(body, ['url', 'urls', 'items'])
  const { url = '', urls = [], items = [] } = body
  if (name === 'url') return [{ url, pointer: '/url' }]
  if (name === 'urls') return urls.map((url, i) => ({ url, pointer: `/urls/${i}` }))
  return items.map((item, i) => ({ ...item, pointer: `/items/${i}/url` }))
}

export const handler = lambda(add)
