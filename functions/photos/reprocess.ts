import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { PhotoFilters, problems, Strict } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { within } from '../../lib/photos/list.ts'
import { reprocessPhotos } from '../../lib/photos/reprocess.ts'

/** Requests the processing of all photos that match a filter. */
export const reprocess = endpoint({
  method: 'POST',
  path: '/photos/reprocess',
  access: 'write',
  summary: 'Request the processing of all photos that match a filter, completed ones too',
  tag: 'photos',
  body: Strict({ filter: Strict(PhotoFilters, { title: 'PhotoFilter' }) }),
  replies: {
    202: Type.Object(
      { count: Type.Integer({ description: 'Photos that are queued by now; the others follow' }) },
      { title: 'Reprocessed', description: 'How many photos are queued by now' },
    ),
    ...problems(400, 401, 403, 413, 415, 422, 503),
  },
  async handle({ body, caller }, app, reply) {
    const count = await reprocessPhotos(app, { ...body.filter, ...within(caller.projects) })
    return reply(202, { count })
  },
})

export const handler = lambda(reprocess)
