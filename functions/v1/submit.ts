import { Type } from '@sinclair/typebox'
import { ownerFor } from '../../lib/access/caller.ts'
import { checkSubmittedUrl } from '../../lib/download/source-url.ts'
import { AppError } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { ImageJob } from '../../lib/http/schemas/photos.ts'
import { ProjectId, Strict } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { showImageJob } from '../../lib/photos/image-job.ts'
import { readerOf } from '../../lib/photos/show.ts'
import { submitImage } from '../../lib/photos/submit.ts'
import { findRenditions } from '../../lib/renditions/row.ts'

/** Submits an image by its URL. */
export const submit = endpoint({
  method: 'POST',
  path: '/v1/images',
  access: 'write',
  summary: 'Submit an image by its URL; 200 with an existing job where DUPLICATE_HANDLING allows it',
  tag: 'v1',
  body: Strict({ url: Type.String(), project_id: Type.Optional(ProjectId) }),
  replies: {
    200: ImageJob,
    202: ImageJob,
    ...problems(404, 503, 'blocked-address', 'invalid-source', 'already-active', 'quota-exceeded'),
  },
  async handle({ body, caller }, app, reply) {
    checkSubmittedUrl(body.url, '/url', app.config.sourceAllowCidrs)
    const { job, duplicate } = await submitImage(app, body.url, ownerFor(caller, body.project_id))
    if (duplicate && job.status !== 'completed')
      throw new AppError('already-active', 'A job of this URL is waiting or being processed', {
        extensions: { job_id: job.uuid },
      })
    const renditions = duplicate ? await findRenditions(app.db, [job.uuid]) : []
    const location = `${app.config.publicUrl}/v1/images/${job.uuid}`
    const shown = showImageJob(job, renditions, await readerOf(app, caller))
    // Its links end.
    return duplicate
      ? reply(200, shown, { location, 'cache-control': 'no-store' })
      : reply(202, shown, { location })
  },
})

export const handler = lambda(submit)
