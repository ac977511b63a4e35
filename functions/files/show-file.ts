import { Type } from '@sinclair/typebox'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { headersOfOriginal, headersOfRendition } from '../../lib/http/file-headers.ts'
import { Bytes, NoBody, problems } from '../../lib/http/schemas/answers.ts'
import { answerStored } from '../../lib/http/stored-file.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { isVisible } from '../../lib/photos/row.ts'
import { isKey, type ObjectInfo, photoOf, renditionKey } from '../../lib/storage/port.ts'

/** Serves a stored file: a rendition, or an original below `originals/`. */
export const showFile = endpoint({
  method: 'GET',
  path: '/files/*',
  access: 'read',
  link: true,
  summary: 'Serve a stored file: a rendition by its path, an original below originals/',
  tag: 'files',
  params: Type.Object({
    '*': Type.String({ description: 'The `url` of a thumbnail, or `originals/{uuid}`' }),
  }),
  anyQuery: true,
  replies: { 200: Bytes, 206: Bytes, 302: NoBody, 304: NoBody, 416: NoBody, ...problems(404, 503) },
  async handle({ params, headers, method, caller }, app) {
    const path = params['*']
    const isOriginal = path.startsWith('originals/')
    const key = isOriginal ? path : renditionKey(path)
    const describe = ({ bytes }: ObjectInfo) =>
      isOriginal ? headersOfOriginal(app, key, bytes) : headersOfRendition(path)
    const isShown = isKey(key) && (await isVisible(app.db, photoOf(key) ?? '', caller.projects))
    // A caller without a key comes by a link.
    const until = caller.keyId === undefined ? caller.until : undefined
    const answer = isShown && (await answerStored(app.storage, key, describe, { headers, method, until }))
    if (!answer) throw notFound('File')
    return answer
  },
})

export const handler = lambda(showFile)
