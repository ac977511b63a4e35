import { endpoint } from '../../lib/function.ts'
import { PhotoWithTimeline, problems, UuidParams } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { findTimeline, showPhoto } from '../../lib/photos/show.ts'
import { findRenditions } from '../../lib/renditions/row.ts'

/** Shows a photo with its thumbnails and its timeline. */
export const show = endpoint({
  method: 'GET',
  path: '/photos/:uuid',
  summary: 'Show a photo with its thumbnails and its timeline',
  tag: 'photos',
  params: UuidParams,
  replies: { 200: PhotoWithTimeline, ...problems(404, 503) },
  async handle({ params }, { db }) {
    const photo = await findPhoto(db, params.uuid)
    const renditions = await findRenditions(db, [photo.uuid])
    return { ...showPhoto(photo, renditions), timeline: await findTimeline(db, photo.uuid) }
  },
})

export const handler = lambda(show)
