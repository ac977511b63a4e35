import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { State, Uuid } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { stateOf } from '../../lib/photos/project-image.ts'
import { confirmUpload as confirm, findProjectImage } from '../../lib/photos/uploads.ts'
import { parseTraceparent } from '../../lib/trace.ts'

/** Confirms an upload, which starts the processing of the image. */
export const confirmUpload = endpoint({
  method: 'POST',
  path: '/images/:image_id/uploaded',
  access: 'write',
  summary: 'Confirm an upload, which starts the processing of the image',
  tag: 'projects',
  params: Type.Object({ image_id: Type.String({ description: 'Id of the image' }) }),
  replies: {
    202: Type.Object(
      { image_id: Uuid, state: State },
      { title: 'ConfirmedUpload', description: 'The image, whose bytes are there' },
    ),
    ...problems(404, 503, 'not-uploaded', 'upload-expired', 'quota-exceeded'),
  },
  async handle({ params, headers, caller }, app, reply) {
    const { uuid } = await findProjectImage(app, params.image_id, caller.projects)
    // The trace is that of the request for the link, unless this one names its own.
    const trace = parseTraceparent(headers.traceparent) && app.trace
    await confirm({ ...app, trace }, uuid)
    const image = await findProjectImage(app, uuid)
    return reply(202, { image_id: image.uuid, state: stateOf(image) })
  },
})

export const handler = lambda(confirmUpload)
