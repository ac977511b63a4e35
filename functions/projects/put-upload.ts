import { endpoint } from '../../lib/function.ts'
import { NoBody, problems } from '../../lib/http/schemas/answers.ts'
import { UploadQuery } from '../../lib/http/schemas/requests.ts'
import { LINK_REFUSALS, takeByLink } from '../../lib/photos/upload-link.ts'

/** Receives the bytes of an image into the local store, whatever type they are sent as. For local use only. */
export const putUpload = endpoint({
  method: 'PUT',
  path: '/uploads',
  access: 'public',
  summary: 'Receive the bytes of an image at its upload link, where the storage is local',
  tag: 'projects',
  query: UploadQuery,
  content: true,
  replies: {
    200: NoBody,
    ...problems(404, 503, ...LINK_REFUSALS),
  },
  async handle({ query, content, headers }, app) {
    await takeByLink(app, query, content, { headers, bytes: Number(headers['content-length'] ?? 0) })
    return null
  },
})
