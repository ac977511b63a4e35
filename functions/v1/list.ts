import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { ImageJob, ListFilters, problems } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { showImageJob } from '../../lib/photos/image-job.ts'
import { countPhotos, findPhotosAt, within } from '../../lib/photos/list.ts'
import { readerOf } from '../../lib/photos/show.ts'
import { findRenditionsByPhoto } from '../../lib/renditions/row.ts'

const MAX_OFFSET = 1_000_000_000

/** Jobs of the v1 door, newest first. */
export const list = endpoint({
  method: 'GET',
  path: '/v1/images',
  access: 'read',
  summary: 'List jobs, newest first; a total above 10,000 may be an estimate, which the answer says',
  tag: 'v1',
  query: Type.Object({
    ...ListFilters,
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'The most jobs of a page' }),
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
    ...problems(401, 403, 422, 503),
  },
  async handle({ query: { limit, offset, ...given }, caller }, app) {
    const { db } = app
    const filters = { ...given, door: 'v1', ...within(caller.projects) }
    const [{ items, more }, { total, estimated }] = await Promise.all([
      findPhotosAt(db, filters, { limit, offset }),
      countPhotos(db, filters),
    ])
    const renditionsOf = await findRenditionsByPhoto(db, items)
    const reader = await readerOf(app, caller)
    return {
      items: items.map((photo) => showImageJob(photo, renditionsOf(photo), reader)),
      pagination: {
        total,
        ...(estimated && { total_estimated: true as const }),
        limit,
        offset,
        has_more: more,
      },
    }
  },
})

export const handler = lambda(list)
