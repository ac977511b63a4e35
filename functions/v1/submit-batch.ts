import { Type } from '@sinclair/typebox'
import { ownerFor } from '../../lib/access/caller.ts'
import { checkSubmittedUrl, MAX_URL_LENGTH } from '../../lib/download/source-url.ts'
import { AppError } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { ImageJob } from '../../lib/http/schemas/photos.ts'
import { Code, ProjectId, Strict, Uuid } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { showImageJob } from '../../lib/photos/image-job.ts'
import { readerOf } from '../../lib/photos/show.ts'
import { submitImages } from '../../lib/photos/submit.ts'

const Failure = Type.Object(
  { url: Type.String(), code: Code, detail: Type.String() },
  { title: 'RefusedUrl' },
)

const Duplicate = Type.Object({ url: Type.String(), job_id: Uuid }, { title: 'DuplicateUrl' })

/** Submits many images by their URLs; one that is refused leaves the others alone. */
export const submitBatch = endpoint({
  method: 'POST',
  path: '/v1/images/batch',
  access: 'write',
  summary: 'Submit up to 1000 images by their URLs',
  tag: 'v1',
  body: Strict({
    urls: Type.Array(Type.String(), { minItems: 1, maxItems: 1000 }),
    project_id: Type.Optional(ProjectId),
  }),
  replies: {
    202: Type.Object(
      {
        accepted: Type.Array(ImageJob),
        duplicates: Type.Array(Duplicate, {
          description: 'Where `DUPLICATE_HANDLING` names a job that exists',
        }),
        failed: Type.Array(Failure),
      },
      { title: 'SubmittedImages', description: 'What became of each URL' },
    ),
    ...problems(404, 503, 'quota-exceeded'),
  },
  async handle({ body, caller }, app, reply) {
    const { sourceAllowCidrs } = app.config
    const checked = body.urls.map((url) => ({ url, refusal: refusalOf(url, sourceAllowCidrs) }))
    const failed = checked.flatMap(({ refusal }) => refusal ?? [])
    const urls = checked.filter(({ refusal }) => !refusal).map(({ url }) => url)
    const submitted = await submitImages(app, urls, ownerFor(caller, body.project_id))
    const reader = await readerOf(app, caller)
    return reply(202, {
      accepted: submitted
        .filter(({ duplicate }) => !duplicate)
        .map(({ job }) => showImageJob(job, [], reader)),
      duplicates: submitted.flatMap(({ job, duplicate }, index) =>
        duplicate ? [{ url: urls[index] as string, job_id: job.uuid }] : [],
      ),
      failed,
    })
  },
})

export const handler = lambda(submitBatch)

function refusalOf(url: string, allowed: readonly string[]) {
  try {
    checkSubmittedUrl(url, '/urls', allowed)
    return undefined
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { url: url.slice(0, MAX_URL_LENGTH), code: error.code, detail: error.message }
  }
}
