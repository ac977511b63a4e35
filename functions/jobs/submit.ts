import { Type } from '@sinclair/typebox'
import { ownerFor } from '../../lib/access/caller.ts'
import { checkSubmittedUrl } from '../../lib/download/source-url.ts'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { ProjectId, Strict, Uuid } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { parseTransformations } from '../../lib/photos/transformations.ts'

/** Submits an image URL with a list of transformations. */
export const submit = endpoint({
  method: 'POST',
  path: '/api/v1/images/process',
  access: 'write',
  summary: 'Submit an image URL with a list of transformations',
  tag: 'jobs',
  body: Strict({
    imageUrl: Type.String({ description: 'http(s), at most 8,192 characters' }),
    transformations: Type.Array(Type.String({ maxLength: 100 }), {
      description: 'Operations in order, 20 at most, such as `fit:320x320`; none converts the format',
    }),
    project_id: Type.Optional(ProjectId),
  }),
  replies: {
    202: Type.Object(
      { jobId: Uuid },
      { title: 'SubmittedJob', description: 'The id of the job, which is processed' },
    ),
    ...problems(404, 503, 'blocked-address', 'invalid-source', 'too-costly', 'quota-exceeded'),
  },
  async handle({ body, caller }, app, reply) {
    checkSubmittedUrl(body.imageUrl, '/imageUrl', app.config.sourceAllowCidrs)
    const recipe = parseTransformations(body.transformations, app.config.maxJobCost)
    const owner = ownerFor(caller, body.project_id)
    const [job] = await addPhotos(app, [{ url: body.imageUrl, door: 'jobs', owner, recipe, queued: true }])
    const jobId = job?.uuid ?? ''
    return reply(202, { jobId }, { location: `${app.config.publicUrl}/api/v1/images/jobs/${jobId}` })
  },
})

export const handler = lambda(submit)
