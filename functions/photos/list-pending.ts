import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { linkNext, pageQuery } from '../../lib/http/paging.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { PhotoSummary } from '../../lib/http/schemas/photos.ts'
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
  query: Type.Object(pageQuery(10_000, 1000)),
  replies: {
    200: Type.Array(PhotoSummary, { description: 'The photos that wait, oldest first' }),
    ...problems(503),
  },
  async handle({ query, caller }, { db, config }, reply) {
    const { items, next } = await findPending(db, { ...query, ...within(caller.projects) })
    const photos = items.map((photo) => {
      const { uuid, status, created_at } = photo
      return { uuid, url: sourceUrlFor(caller, photo), status, created_at }
    })
    return reply(200, photos, linkNext(`${config.publicUrl}/photos/pending`, query, next))
  },
})

export const handler = lambda(listPending)
