import { endpoint } from '../../lib/function.ts'
import { PhotoWithTimeline, problems, UuidParams } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { findTimeline, readerOf, showPhoto } from '../../lib/photos/show.ts'
import { findRenditions } from '../../lib/renditions/row.ts'

/** Shows a photo with its thumbnails and its timeline. */
export const show = endpoint({
  method: 'GET',
  path: '/photos/:uuid',
  access: 'read',
  summary: 'Show a photo with its thumbnails and its timeline',
  tag: 'photos',
  params: UuidParams,
  replies: { 200: PhotoWithTimeline, ...problems(401, 403, 404, 503) },
  async handle({ params, caller }, app) {
    const { db } = app
    const photo = await findPhoto(db, params.uuid, caller.projects)
    const renditions = await findRenditions(db, [photo.uuid])
    const shown = showPhoto(photo, renditions, await readerOf(app, caller))
    return { ...shown, timeline: await findTimeline(db, photo.uuid) }
  },
})

export const handler = lambda(show)
