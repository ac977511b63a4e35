import { Type } from '@sinclair/typebox'
import { notFound } from '../../lib/errors.ts'
import { endpoint } from '../../lib/function.ts'
import { answerContent } from '../../lib/http/content-answer.ts'
import { ImageBytes, NoBody, problems } from '../../lib/http/schemas/answers.ts'
import { UuidParams } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { isVisible } from '../../lib/photos/row.ts'

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
  anyQuery: true,
  replies: { 200: ImageBytes, 302: NoBody, 304: NoBody, ...problems(404, 503) },
  async handle({ params, query, headers, method, caller }, app) {
    const isShown = await isVisible(app.db, params.uuid, caller.projects)
    const content = isShown ? await app.contents.find(params.uuid, query.version) : undefined
    const answer = content && (await answerContent(app, content, { method, headers }))
    if (!answer) throw notFound('Image')
    return answer
  },
})

export const handler = lambda(showContent)
