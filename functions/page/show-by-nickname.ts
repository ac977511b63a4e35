import { buffer } from 'node:stream/consumers'
import { Type } from '@sinclair/typebox'
import { notFound } from '../../lib/errors.ts'
import { Answer, endpoint } from '../../lib/function.ts'
import { answerContent } from '../../lib/http/content-answer.ts'
import { SHOWN_ANYWHERE } from '../../lib/http/file-headers.ts'
import { Bytes, NoBody, problems } from '../../lib/http/schemas/answers.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { findByNickname } from '../../lib/photos/nickname.ts'

const VARIES = { vary: 'Accept' }

/** Serves the image of a photo by its nickname, or, to a client that accepts JSON, as a list with its bytes in base64. */
export const showByNickname = endpoint({
  method: 'GET',
  path: '/images/:nickname',
  access: 'read',
  summary: 'Serve the image of a photo by its nickname, where no other photo has it, or by its uuid',
  tag: 'page',
  params: Type.Object({ nickname: Type.String({ description: 'The nickname, or the uuid' }) }),
  anyQuery: true,
  replies: { 200: Bytes, 302: NoBody, 304: NoBody, ...problems(401, 403, 404, 503) },
  async handle({ params, headers, method, caller }, app, reply) {
    const uuid = await findByNickname(app.db, params.nickname, caller.projects)
    const content = uuid === undefined ? undefined : await app.contents.find(uuid)
    if (!content) throw notFound('Image')
    if (!/\bapplication\/json\b/i.test(String(headers.accept))) {
      const answer = await answerContent(app, content, { method, headers })
      if (!answer) throw notFound('Image')
      return new Answer(answer.status, answer.body, { ...answer.headers, ...VARIES })
    }
    const found = await app.contents.read(content)
    if (!found) throw notFound('Image')
    const { body } = found
    const bytes = body instanceof Uint8Array ? Buffer.from(body) : await buffer(body)
    return reply(200, [{ image_data: bytes.toString('base64'), mime_type: content.type }], {
      'cache-control': 'no-cache',
      ...VARIES,
      ...SHOWN_ANYWHERE,
    })
  },
})

export const handler = lambda(showByNickname)
