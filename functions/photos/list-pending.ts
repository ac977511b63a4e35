import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { After, PhotoSummary, problems } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findPending, within } from '../../lib/photos/list.ts'
import { sourceUrlFor } from '../../lib/photos/row.ts'

/** Lists photos that wait to be processed, oldest first. */
export const listPending = endpoint({
  method: 'GET',
  path: '/photos/pending',
  access: 'read',
  summary: 'List photos that wait to be processed, oldest first',
  tag: 'photos',
  query: Type.Object({
    limit: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 1000,
      description: 'The most photos of a page',
    }),
    after: After,
  }),
  replies: {
    200: Type.Array(PhotoSummary, { description: 'The photos that wait, oldest first' }),
    ...problems(401, 403, 422, 503),
  },
  async handle({ query, caller }, { db, config }, reply) {
    const { items, next } = await findPending(db, { ...query, ...within(caller.projects) })
    const photos = items.map((photo) => {
      const { uuid, status, created_at } = photo
      return { uuid, url: sourceUrlFor(caller, photo), status, created_at }
    })
    if (next === null) return photos
    const link = `${config.publicUrl}/photos/pending?limit=${query.limit}&after=${next}`
    return reply(200, photos, { link: `<${link}>; rel="next"` })
  },
})

export const handler = lambda(listPending)
