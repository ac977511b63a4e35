import { endpoint } from '../../lib/function.ts'
import { NoBody, problems } from '../../lib/http/schemas/answers.ts'
import { UuidParams } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { removePhoto } from '../../lib/photos/remove.ts'

/** Removes a photo with its rows and files. */
export const remove = endpoint({
  method: 'DELETE',
  path: '/photos/:uuid',
  access: 'write',
  summary: 'Remove a photo with its rows and files',
  tag: 'photos',
  params: UuidParams,
  replies: { 204: NoBody, ...problems(404, 503, 'already-processing') },
  async handle({ params, caller }, app, reply) {
    await removePhoto(app, params.uuid, caller.projects)
    return reply(204, null)
  },
})

export const handler = lambda(remove)
