import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { linkNext, pageQuery } from '../../lib/http/paging.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { PhotoDetails } from '../../lib/http/schemas/photos.ts'
import { PhotoFilters } from '../../lib/http/schemas/requests.ts'
import { Next } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findLastEvent } from '../../lib/outbox/replay.ts'
import { findPhotos, within } from '../../lib/photos/list.ts'
import { readerOf, showPhoto } from '../../lib/photos/show.ts'
import { findRenditionsByPhoto } from '../../lib/renditions/row.ts'
import { idBefore } from '../../lib/uuid.ts'

/** Lists photos of every door, newest first. */
export const list = endpoint({
  method: 'GET',
  path: '/photos',
  access: 'read',
  summary: 'List photos of every door, newest first',
  tag: 'photos',
  query: Type.Object({
    ...PhotoFilters,
    ...pageQuery(1000, 100),
  }),
  replies: {
    200: Type.Object(
      { items: Type.Array(PhotoDetails), next: Next },
      { title: 'PhotoPage', description: 'A page of photos, newest first' },
    ),
    ...problems(503),
  },
  async handle({ query, caller }, app, reply) {
    const { db } = app
    // Before the list: what a replay from there on repeats is known, and what happens after the list is in it.
    const last = (await findLastEvent(db)) ?? idBefore(Date.now())
    const { items, next } = await findPhotos(db, { ...query, ...within(caller.projects) })
    const renditionsOf = await findRenditionsByPhoto(db, items)
    const reader = await readerOf(app, caller)
    const photos = items.map((photo) => showPhoto(photo, renditionsOf(photo), reader))
    const link = linkNext(`${app.config.publicUrl}/photos`, query, next)
    return reply(200, { items: photos, next }, { 'last-event-id': last, ...link })
  },
})

export const handler = lambda(list)
