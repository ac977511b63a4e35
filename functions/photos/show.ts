import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { PhotoWithTimeline } from '../../lib/http/schemas/photos.ts'
import { UuidParams } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { findTimeline, readerOf, showPhoto } from '../../lib/photos/show.ts'
import { isDone, MOST_WAIT_S, waitUntilDone } from '../../lib/photos/wait.ts'
import { findRenditions } from '../../lib/renditions/row.ts'

/** Shows a photo with its thumbnails and its timeline. */
export const show = endpoint({
  method: 'GET',
  path: '/photos/:uuid',
  access: 'read',
  summary: 'Show a photo with its thumbnails and its timeline',
  tag: 'photos',
  params: UuidParams,
  query: Type.Object({
    wait: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MOST_WAIT_S,
        description: 'answers when it is done, or after so many s',
      }),
    ),
  }),
  replies: { 200: PhotoWithTimeline, ...problems(404, 503) },
  async handle({ method, params, query: { wait = 0 }, caller, stay }, app) {
    const { db } = app
    let photo = await findPhoto(db, params.uuid, caller.projects)
    if (wait > 0 && method !== 'HEAD' && !isDone(photo)) {
      await waitUntilDone(app, photo.uuid, wait * 1000, stay)
      photo = await findPhoto(db, photo.uuid, caller.projects)
    }
    const renditions = await findRenditions(db, [photo.uuid])
    const shown = showPhoto(photo, renditions, await readerOf(app, caller))
    return { ...shown, timeline: await findTimeline(db, photo.uuid) }
  },
})

export const handler = lambda(show)
