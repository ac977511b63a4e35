import { Type } from '@sinclair/typebox'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { Nullable, Uuid } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findPhotoOrNone } from '../../lib/photos/row.ts'
import { primaryOf } from '../../lib/renditions/path.ts'
import { findRenditions } from '../../lib/renditions/row.ts'

const Status = Type.Union(
  (['PENDING', 'PROCESSING', 'COMPLETED', 'FAILED'] as const).map((status) => Type.Literal(status)),
  { title: 'JobStatus' },
)

/** Shows a job with its result or its error. */
export const show = endpoint({
  method: 'GET',
  path: '/api/v1/images/jobs/:jobId',
  access: 'read',
  summary: 'Show a job with its result or its error',
  tag: 'jobs',
  params: Type.Object({ jobId: Type.String({ description: 'Id of the job' }) }),
  replies: {
    200: Type.Object(
      {
        jobId: Uuid,
        status: Status,
        resultUrl: Nullable(Type.String({ description: 'Of `COMPLETED`' })),
        errorMessage: Nullable(Type.String({ description: 'Of `FAILED`' })),
      },
      { title: 'Job', description: 'A job with its result or its error' },
    ),
    ...problems(404, 503),
  },
  async handle({ params, caller }, { db, config, access }) {
    const photo = await findPhotoOrNone(db, params.jobId, caller.projects)
    if (!photo) throw notFound('Job')
    const result =
      photo.status === 'completed' ? primaryOf(await findRenditions(db, [photo.uuid])) : undefined
    const sign = await access.links.signer()
    return {
      jobId: photo.uuid,
      status: STATUSES[photo.status],
      resultUrl: result ? `${config.publicUrl}/files/${sign(result.url)}` : null,
      errorMessage: photo.error,
    }
  },
})

export const handler = lambda(show)

const STATUSES = {
  init: 'PENDING',
  pending: 'PENDING',
  processing: 'PROCESSING',
  completed: 'COMPLETED',
  failed: 'FAILED',
} as const
