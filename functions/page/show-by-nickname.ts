import { Readable } from 'node:stream'
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
  replies: { 200: Bytes, 302: NoBody, 304: NoBody, ...problems(404, 503) },
  async handle({ params, headers, method, caller }, app) {
    const uuid = await findByNickname(app.db, params.nickname, caller.projects)
    const content = uuid === undefined ? undefined : await app.contents.find(uuid)
    if (!content) throw notFound('Image')
    if (!/\bapplication\/json\b/i.test(String(headers.accept))) {
      const answer = await answerContent(app, content, { method, headers })
      if (!answer) throw notFound('Image')
      return new Answer(answer.status, answer.body, { ...answer.headers, ...VARIES })
    }
    const found = method === 'HEAD' ? { body: [] } : await app.contents.read(content)
    if (!found) throw notFound('Image')
    const bytes = found.body instanceof Uint8Array ? [found.body] : found.body
    return new Answer(200, Readable.from(listOf(content.type, bytes)), {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-cache',
      ...VARIES,
      ...SHOWN_ANYWHERE,
    })
  },
})

/** The JSON with an image in it, as its bytes come: many of 50 megapixels at once would not fit into the memory. */
async function* listOf(type: string, bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  yield '[{"image_data":"'
  let rest = Buffer.alloc(0)
  for await (const chunk of bytes) {
    const all = Buffer.concat([rest, chunk])
    // Three bytes are four letters.
    const whole = all.length - (all.length % 3)
    yield all.toString('base64', 0, whole)
    rest = all.subarray(whole)
  }
  yield `${rest.toString('base64')}","mime_type":${JSON.stringify(type)}}]`
}

export const handler = lambda(showByNickname)
