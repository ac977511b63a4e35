import { Type } from '@sinclair/typebox'
import { MAX_VALUE_BYTES } from '../../lib/cache/port.ts'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { isKnown } from '../../lib/http/etag.ts'
import { headersOfRendition, SHOWN_ANYWHERE } from '../../lib/http/file-headers.ts'
import { ImageBytes, NoBody, problems, UuidParams } from '../../lib/http/schemas.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { isVisible } from '../../lib/photos/row.ts'
import { renditionKey } from '../../lib/storage/port.ts'

/** Serves a rendition of a photo through the cache. */
export const showContent = endpoint({
  method: 'GET',
  path: '/images/:uuid/content',
  access: 'read',
  summary: 'Serve a rendition of a photo: the version that is named, else the primary one',
  tag: 'page',
  params: UuidParams,
  query: Type.Object({
    version: Type.Optional(
      Type.String({ maxLength: 100, description: 'Name of the rendition; the primary one unless told' }),
    ),
  }),
  replies: { 200: ImageBytes, 302: NoBody, 304: NoBody, ...problems(401, 403, 404, 503) },
  async handle({ params, query, headers, caller }, { db, contents, storage }, reply) {
    const isShown = await isVisible(db, params.uuid, caller.projects)
    const content = isShown ? await contents.find(params.uuid, query.version) : undefined
    if (!content) throw notFound('Image')
    const caching = { etag: content.etag, 'cache-control': 'no-cache', ...SHOWN_ANYWHERE }
    if (isKnown(headers['if-none-match'], content.etag)) return reply(304, null, caching)
    // Too large to be kept, and soon for an answer of Lambda, which takes 6 MB.
    const { type, disposition } = headersOfRendition(content.path, content.type)
    const elsewhere =
      content.bytes > MAX_VALUE_BYTES
        ? await storage.signRead(renditionKey(content.path), { type, disposition })
        : undefined
    if (elsewhere)
      return reply(302, null, { location: elsewhere, 'cache-control': 'no-store', ...SHOWN_ANYWHERE })
    const found = await contents.read(content)
    if (!found) throw notFound('Image')
    return reply(200, found.body, {
      ...caching,
      'content-type': type,
      'content-disposition': disposition,
      'x-content-type-options': 'nosniff',
      'x-cache': found.cached ? 'HIT' : 'MISS',
    })
  },
})

export const handler = lambda(showContent)
