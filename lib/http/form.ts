import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import type { FormPart } from '../function.ts'
import { watchPace } from './pace.ts'
import { MALFORMED } from './problem.ts'

const MAX_FILES = 1000
const MAX_NAME = 100

/** Bounds of a form; the size of a file is bounded where it is stored. */
const LIMITS = {
  fields: 30,
  fieldSize: 16_384,
  files: MAX_FILES,
  parts: MAX_FILES + 30,
  headerPairs: 50,
  headerSize: 16_384,
  fileSize: Number.POSITIVE_INFINITY,
}

/** Lets a server read multipart/form-data. */
export const acceptForms = (server: FastifyInstance) => server.register(multipart, { limits: LIMITS })

/**
 * The parts of the form that a request brings, as they come. Throws `malformed-request`, `too-many-files`, `upload-too-slow`, which
 * ends the file that is being read, too, and `form-too-large` behind the file with which it had more than `maxBytes`.
 */
export async function* readForm(request: FastifyRequest, maxBytes: number): AsyncGenerator<FormPart> {
  const form = openForm(request, maxBytes)
  try {
    for (let part = await form.next(); part; part = await form.next()) yield part
  } catch (error) {
    throw asProblem(error)
  } finally {
    form.end()
  }
}

function openForm(request: FastifyRequest, maxBytes: number) {
  const parts = request.parts()
  const failing = Promise.withResolvers<never>()
  // A file may be what is read when the form fails.
  failing.promise.catch(() => {})
  let file: Readable | undefined
  const endPace = watchPace(request.raw, (error) => {
    failing.reject(error)
    file?.destroy(error)
  })
  const endSize = watchSize(request.raw, maxBytes, failing.reject)
  return {
    async next(): Promise<FormPart | undefined> {
      const { value: part, done } = await Promise.race([parts.next(), failing.promise])
      if (done) return undefined
      const name = part.fieldname ?? ''
      if (name.length > MAX_NAME || ('valueTruncated' in part && part.valueTruncated)) throw tooLong()
      if (part.type === 'field') return { kind: 'field', name, value: String(part.value) }
      file = part.file
      file.on('error', (error: Error) => {
        if (!(error instanceof AppError)) Object.assign(error, MALFORMED)
      })
      return { kind: 'file', name, filename: part.filename ?? '', content: file }
    },
    /** Skips what is left, so that the client can read its answer. */
    end() {
      endPace()
      endSize()
      request.raw.unpipe()
      request.raw.resume()
    },
  }
}

/** Calls `fail` once a body has more than `maxBytes`; returns how to end that. */
function watchSize(raw: IncomingMessage, maxBytes: number, fail: (error: AppError) => void): () => void {
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) fail(new AppError('form-too-large', `The form has more than ${maxBytes} bytes`))
  }
  raw.on('data', count)
  return () => raw.off('data', count)
}

/** Anything that the parser throws, but for a limit, is a form that it does not understand. */
function asProblem(error: unknown): unknown {
  const { statusCode } = error as { statusCode?: number }
  if (error instanceof AppError || statusCode === 413) return error
  return new AppError('malformed-request', 'The form is malformed, or cut off', { cause: error })
}

const tooLong = () =>
  new AppError(
    'malformed-request',
    `A field has a name of over ${MAX_NAME} characters, or over ${LIMITS.fieldSize} bytes`,
  )
