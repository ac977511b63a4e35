import { Type } from '@sinclair/typebox'
import { checkSubmittedUrl } from '../../lib/download/source-url.ts'
import { endpoint } from '../../lib/function.ts'
import { problems, Strict, Uuid } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { parseTransformations } from '../../lib/photos/transformations.ts'

/** Submits an image URL with a list of transformations. */
export const submit = endpoint({
  method: 'POST',
  path: '/api/v1/images/process',
  summary: 'Submit an image URL with a list of transformations',
  tag: 'jobs',
  body: Strict({ imageUrl: Type.String(), transformations: Type.Array(Type.String({ maxLength: 100 })) }),
  replies: { 202: Type.Object({ jobId: Uuid }), ...problems(400, 413, 415, 422, 503) },
  async handle({ body }, app, reply) {
    checkSubmittedUrl(body.imageUrl, '/imageUrl', app.config.sourceAllowCidrs)
    const recipe = parseTransformations(body.transformations, app.config.maxJobCost)
    const [job] = await addPhotos(app, [{ url: body.imageUrl, door: 'jobs', recipe, queued: true }])
    const jobId = job?.uuid ?? ''
    return reply(202, { jobId }, { location: `${app.config.publicUrl}/api/v1/images/jobs/${jobId}` })
  },
})

export const handler = lambda(submit)
