import type { TSchema } from '@sinclair/typebox'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { FastifyInstance } from 'fastify'
import type { ErrorCode } from '../../lib/errors.ts'
import type { AnyEndpoint, Live } from '../../lib/function.ts'
import { ANYWHERE, refusalsOf } from '../../lib/http/description/codes.ts'
import { HEADERS, headersOf } from '../../lib/http/description/headers.ts'
import { type Described, describedLive } from '../../lib/http/description/operations.ts'
import { isProblem, Problem } from '../../lib/http/schemas/answers.ts'

/** What was answered; a body that is no JSON is not looked at. */
type Given = { status: number; headers: Record<string, unknown>; body: unknown }

const ajv = new Ajv2020({ strict: false, allErrors: true })
// A CommonJS module whose default export is the function at run time and a namespace to the type checker.
const addFormats = formats as unknown as (ajv: Ajv2020) => void
addFormats(ajv)

const compiled = new WeakMap<object, ValidateFunction>()

/** What of an answer is not as its endpoint says: an unlisted status, code or header, and each part that its schema does not have. */
export function faultsOf(endpoint: Described, { status, headers, body }: Given): string[] {
  const schema = schemaOf(endpoint, status, body)
  if (!schema) return [`is not among the answers of ${endpoint.name}: ${JSON.stringify(body)}`]
  const listed = headersOf({ endpoint, status })
  const unlisted = Object.keys(headers).filter((name) => name in HEADERS && !listed.includes(name))
  return [
    ...unlisted.map((name) => `has the header ${name}, which headers.ts does not say`),
    ...faultsOfBody(schema, body),
  ]
}

/** What an endpoint says of a status; undefined where it does not have it. */
function schemaOf(endpoint: Described, status: number, body: unknown): TSchema | undefined {
  const own = endpoint.replies[status]
  if (own && !isProblem(own)) return own
  const { code } = (body ?? {}) as { code?: ErrorCode }
  if (code === undefined) return undefined
  return [...(refusalsOf(endpoint).get(status) ?? []), ...ANYWHERE].includes(code) ? Problem : undefined
}

function faultsOfBody(schema: TSchema, body: unknown): string[] {
  if (schema.format === 'binary') return []
  const validate = compiled.get(schema) ?? ajv.compile(closed(schema) as object)
  compiled.set(schema, validate)
  if (validate(schema.type === 'null' ? (body ?? null) : body)) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  )
}

/** The schema with no more properties than it names. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, closed(part)]))
  return 'properties' in parts && parts.type === 'object' ? { additionalProperties: false, ...parts } : parts
}

/** Holds the answers of a server to what its endpoints say; returns what was not so until now. */
export function watchAnswers(
  server: FastifyInstance,
  endpoints: readonly AnyEndpoint[],
  lives: readonly Live[],
): string[] {
  const described = new Map<string, Described>(
    [...endpoints, ...lives.map(describedLive)].map((one) => [`${one.method} ${one.path}`, one]),
  )
  const faults: string[] = []
  server.addHook('onSend', async (request, response, payload) => {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const endpoint = described.get(`${method} ${request.routeOptions.url}`)
    if (!endpoint) return
    const isJson = /json/.test(String(response.getHeader('content-type')))
    const body = isJson && typeof payload === 'string' && payload !== '' ? JSON.parse(payload) : null
    const given = { status: response.statusCode, headers: response.getHeaders(), body }
    if (request.method === 'HEAD' && body === null) return
    faults.push(
      ...faultsOf(endpoint, given).map((fault) => `${method} ${request.url} ${given.status}: ${fault}`),
    )
  })
  return faults
}
