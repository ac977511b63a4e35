import { PassThrough } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { watchPace } from './pace.ts'
import { MALFORMED } from './problem.ts'

/** Lets the routes of a server take bodies of any type as they come; others are not read before they are needed. */
export function acceptContent(server: FastifyInstance): FastifyInstance {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, _body, done) => done(null))
  return server
}

/**
 * The bytes of a body, as they come. Throws `upload-too-slow`, and `malformed-request` where the client goes before all have come. Once
 * they are not wanted any more the rest is skipped, so that the client can read its answer.
 */
export async function* readContent({ raw }: FastifyRequest): AsyncGenerator<Uint8Array> {
  const content = new PassThrough()
  const endPace = watchPace(raw, (error) => content.destroy(error))
  const cutOff = () => {
    // Bytes that have come and were not read are lost with their connection, even if they were the last ones.
    if (!raw.readableEnded) content.destroy(Object.assign(new Error('cut off'), MALFORMED))
  }
  // Nothing more is heard of a client that has gone already.
  if (raw.destroyed) cutOff()
  else raw.once('close', cutOff).pipe(content)
  try {
    yield* content
  } finally {
    endPace()
    raw.off('close', cutOff).unpipe(content)
    raw.resume()
  }
}
