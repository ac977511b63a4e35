import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { Nullable, PhotoDetails, PhotoFilters, problems } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findPhotos } from '../../lib/photos/list.ts'
import { showPhoto } from '../../lib/photos/show.ts'
import { findRenditionsByPhoto } from '../../lib/renditions/row.ts'

/** Lists photos of every door, newest first. */
export const list = endpoint({
  method: 'GET',
  path: '/photos',
  summary: 'List photos of every door, newest first',
  tag: 'photos',
  query: Type.Object({
    ...PhotoFilters,
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
    after: Type.Optional(Type.String({ maxLength: 200 })),
  }),
  replies: {
    200: Type.Object({ items: Type.Array(PhotoDetails), next: Nullable(Type.String()) }),
    ...problems(422, 503),
  },
  async handle({ query }, { db }) {
    const { items, next } = await findPhotos(db, query)
    const renditionsOf = await findRenditionsByPhoto(db, items)
    return { items: items.map((photo) => showPhoto(photo, renditionsOf(photo))), next }
  },
})

export const handler = lambda(list)
