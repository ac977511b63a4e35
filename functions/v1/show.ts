import { Type } from '@sinclair/typebox'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { ImageJob } from '../../lib/http/schemas/photos.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { showImageJob } from '../../lib/photos/image-job.ts'
import { findPhotoOrNone } from '../../lib/photos/row.ts'
import { readerOf } from '../../lib/photos/show.ts'
import { findRenditions } from '../../lib/renditions/row.ts'

/** Shows a job with its result or its error. */
export const show = endpoint({
  method: 'GET',
  path: '/v1/images/:id',
  access: 'read',
  summary: 'Show a job with its result or its error',
  tag: 'v1',
  params: Type.Object({ id: Type.String({ description: 'Id of the job' }) }),
  replies: { 200: ImageJob, ...problems(404, 503) },
  async handle({ params, caller }, app) {
    const photo = await findPhotoOrNone(app.db, params.id, caller.projects)
    if (!photo) throw notFound('Job')
    const renditions = await findRenditions(app.db, [photo.uuid])
    return showImageJob(photo, renditions, await readerOf(app, caller))
  },
})

export const handler = lambda(show)
