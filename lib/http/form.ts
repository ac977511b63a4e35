import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import type { FormPart } from '../function.ts'

const MAX_FILES = 1000

/** Bounds of a form; the size of a file is bounded where it is stored. */
const LIMITS = {
  fields: 30,
  fieldSize: 16_384,
  fieldNameSize: 100,
  files: MAX_FILES,
  parts: MAX_FILES + 30,
  headerPairs: 50,
  fileSize: Number.POSITIVE_INFINITY,
}

/** Lets a server read multipart/form-data. */
export const acceptForms = (server: FastifyInstance) => server.register(multipart, { limits: LIMITS })

/** The parts of the form that a request brings, as they come. */
export async function* readForm(request: FastifyRequest): AsyncGenerator<FormPart> {
  if (!request.isMultipart?.())
    throw new AppError('unsupported-media-type', 'Send the body as multipart/form-data')
  for await (const part of request.parts()) {
    if (part.type === 'file')
      yield { kind: 'file', name: part.fieldname, filename: part.filename, content: part.file }
    else yield { kind: 'field', name: part.fieldname, value: String(part.value) }
  }
}
