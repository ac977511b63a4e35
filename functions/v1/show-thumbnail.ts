import { Type } from '@sinclair/typebox'
import { AppError } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { headersOfRendition } from '../../lib/http/file-headers.ts'
import { ImageBytes, NoBody, problems } from '../../lib/http/schemas/answers.ts'
import { answerStored } from '../../lib/http/stored-file.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findPhotoOrNone } from '../../lib/photos/row.ts'
import { primaryOf } from '../../lib/renditions/path.ts'
import { findRenditions } from '../../lib/renditions/row.ts'
import { renditionKey } from '../../lib/storage/port.ts'

/** Serves the thumbnail of a job. */
export const showThumbnail = endpoint({
  method: 'GET',
  path: '/v1/images/:id/thumbnail',
  access: 'read',
  summary: 'Serve the thumbnail of a job',
  tag: 'v1',
  params: Type.Object({ id: Type.String({ description: 'Id of the job' }) }),
  replies: {
    200: ImageBytes,
    206: ImageBytes,
    302: NoBody,
    304: NoBody,
    416: NoBody,
    ...problems(404, 503),
  },
  async handle({ params, headers, method, caller }, { db, storage }) {
    const photo = await findPhotoOrNone(db, params.id, caller.projects)
    const thumbnail =
      photo?.status === 'completed' ? primaryOf(await findRenditions(db, [photo.uuid])) : undefined
    const answer =
      thumbnail &&
      (await answerStored(
        storage,
        renditionKey(thumbnail.url),
        () => headersOfRendition(thumbnail.url, `image/${thumbnail.format}`),
        { headers, method },
      ))
    if (!answer) throw new AppError('not-found', 'Thumbnail unavailable')
    return answer
  },
})

export const handler = lambda(showThumbnail)
