import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { linkTo } from '../../lib/http/paging.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { ImageJob } from '../../lib/http/schemas/photos.ts'
import { ImageFilters } from '../../lib/http/schemas/requests.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { countPhotos } from '../../lib/photos/counts.ts'
import { showImageJob } from '../../lib/photos/image-job.ts'
import { findPhotosAt, within } from '../../lib/photos/list.ts'
import { readerOf } from '../../lib/photos/show.ts'
import { findRenditionsByPhoto } from '../../lib/renditions/row.ts'

const MAX_LIMIT = 100
const MAX_OFFSET = 1_000_000_000

/** Jobs of the v1 door, newest first. */
export const list = endpoint({
  method: 'GET',
  path: '/v1/images',
  access: 'read',
  summary: 'List jobs, newest first; a total above 10,000 may be an estimate, which the answer says',
  tag: 'v1',
  query: Type.Object({
    ...ImageFilters,
    limit: Type.Integer({
      minimum: 1,
      default: 20,
      description: `The most jobs of a page; more than ${MAX_LIMIT} is ${MAX_LIMIT}`,
    }),
    offset: Type.Integer({
      minimum: 0,
      maximum: MAX_OFFSET,
      default: 0,
      description: 'How many newer jobs to skip',
    }),
  }),
  replies: {
    200: Type.Object(
      {
        items: Type.Array(ImageJob),
        pagination: Type.Object(
          {
            total: Type.Integer(),
            total_estimated: Type.Optional(Type.Literal(true, { description: '`total` is an estimate' })),
            limit: Type.Integer(),
            offset: Type.Integer(),
            has_more: Type.Boolean(),
          },
          { title: 'Pagination' },
        ),
      },
      { title: 'ImageJobPage', description: 'A page of jobs, newest first' },
    ),
    ...problems(503),
  },
  async handle({ query, caller }, app, reply) {
    const { limit: wanted, offset, ...given } = query
    const limit = Math.min(wanted, MAX_LIMIT)
    const { db } = app
    const filters = { ...given, door: 'v1', ...within(caller.projects) }
    const [{ items, more }, { total, estimated }] = await Promise.all([
      findPhotosAt(db, filters, { limit, offset }),
      countPhotos(db, filters),
    ])
    const renditionsOf = await findRenditionsByPhoto(db, items)
    const reader = await readerOf(app, caller)
    const shown = {
      items: items.map((photo) => showImageJob(photo, renditionsOf(photo), reader)),
      pagination: {
        total,
        ...(estimated && { total_estimated: true as const }),
        limit,
        offset,
        has_more: more,
      },
    }
    const next = { ...query, offset: offset + limit }
    return reply(200, shown, more ? linkTo(`${app.config.publicUrl}/v1/images`, next) : {})
  },
})

export const handler = lambda(list)
