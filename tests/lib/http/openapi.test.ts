import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { uuidv7 } from 'uuidv7'
import { expect, test } from 'vitest'
import { endpoints, lives } from '../../../functions/index.ts'
import { ERROR_CODES } from '../../../lib/errors.ts'
import { insertPhoto, post, withServer } from '../../functions/support.ts'
import { SETUPS, withApp } from '../../support/app.ts'

type Content = Record<string, { schema: object }>
type Parameter = { name: string; in: string; required?: boolean; schema: { default?: unknown } }
type Operation = {
  operationId: string
  summary: string
  tags: string[]
  parameters?: Parameter[]
  requestBody?: { required: boolean; content: Content }
  responses: Record<string, { description: string; content?: Content }>
}
type Document = {
  openapi: string
  info: { description: string }
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

const withDocument = (use: (document: Document, url: string, uuid: string) => Promise<void> | void) =>
  withApp(SETUPS[0], async (app) => {
    const uuid = await insertPhoto(app, { status: 'failed', error_code: 'corrupt-image', error: 'Corrupt' })
    await withServer(app, async (url) => {
      const answer = await fetch(`${url}/openapi.json`)
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
      await use((await answer.json()) as Document, url, uuid)
    })
  })

const openAjv = () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  // A CommonJS module whose default export is the function at run time and a namespace to the type checker.
  const add = formats as unknown as (ajv: Ajv2020) => void
  add(ajv)
  ajv.addFormat('binary', true)
  return ajv
}

/** Compiles schemas of a document, which refer to its components. */
const openCompiler = (document: Document) => {
  const ajv = openAjv().addSchema(document, 'document')
  return (schema: object) =>
    ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object)
}

/** Every operation with its place. */
const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )

const contentsOf = ({ requestBody, responses }: Operation): Content[] =>
  [requestBody, ...Object.values(responses)].flatMap((part) => (part?.content ? [part.content] : []))

/** What OpenAPI 3.1 wants of a document, as far as this one goes. */
const CONTENT = {
  type: 'object',
  minProperties: 1,
  additionalProperties: {
    type: 'object',
    required: ['schema'],
    properties: { schema: { type: 'object' } },
  },
}
const PARAMETER = {
  type: 'object',
  required: ['name', 'in', 'schema'],
  properties: {
    name: { type: 'string', minLength: 1 },
    in: { enum: ['query', 'path', 'header', 'cookie'] },
    required: { type: 'boolean' },
    schema: { type: 'object' },
  },
  if: { properties: { in: { const: 'path' } } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['required'], properties: { required: { const: true } } },
}
const RESPONSE = {
  type: 'object',
  required: ['description'],
  properties: { description: { type: 'string', minLength: 1 }, content: CONTENT },
}
const OPERATION = {
  type: 'object',
  required: ['summary', 'tags', 'responses'],
  properties: {
    summary: { type: 'string', minLength: 1 },
    tags: { type: 'array', items: { type: 'string' }, minItems: 1 },
    parameters: { type: 'array', items: PARAMETER },
    requestBody: { type: 'object', required: ['content'], properties: { content: CONTENT } },
    responses: {
      type: 'object',
      minProperties: 1,
      propertyNames: { pattern: '^([1-5]\\d\\d|default)$' },
      additionalProperties: RESPONSE,
    },
  },
}
const DOCUMENT = {
  type: 'object',
  required: ['openapi', 'info', 'paths'],
  properties: {
    openapi: { type: 'string', pattern: '^3\\.1\\.\\d+$' },
    info: {
      type: 'object',
      required: ['title', 'version'],
      properties: { title: { type: 'string' }, version: { type: 'string' } },
    },
    paths: {
      type: 'object',
      propertyNames: { pattern: '^/' },
      additionalProperties: {
        type: 'object',
        propertyNames: { enum: ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'] },
        additionalProperties: OPERATION,
      },
    },
  },
}

test('/openapi.json is an OpenAPI 3.1 document whose schemas compile', () =>
  withDocument((document) => {
    const compile = openCompiler(document)
    const validate = openAjv().compile(DOCUMENT)
    validate(document)
    expect(validate.errors ?? []).toEqual([])
    for (const code of Object.keys(ERROR_CODES))
      expect(document.info.description).toContain(`| \`${code}\` |`)
    for (const { operation } of operationsOf(document)) {
      for (const content of contentsOf(operation)) {
        for (const { schema } of Object.values(content)) expect(() => compile(schema)).not.toThrow()
      }
    }
  }))

test('it lists every endpoint with each of its answers, and nothing else', () =>
  withDocument((document) => {
    const documented = operationsOf(document).map(({ path, method, operation }) => ({
      method: method.toUpperCase(),
      path: path.replace(/\{(.*?)\}/g, '{}'),
      summary: operation.summary,
      tags: operation.tags,
      statuses: Object.keys(operation.responses).sort(),
    }))
    const mounted = endpoints.map(({ access, method, path, summary, tag, replies }) => ({
      method,
      path: path.replace(/:\w+|\*/g, '{}'),
      summary,
      tags: [tag],
      // Whoever needs a key may have had the requests of its minute.
      statuses: Object.keys(access === 'public' ? replies : { ...replies, 429: 'refused' }).sort(),
    }))
    const talking = lives.map(({ path, summary, tag, subscription }) => ({
      method: 'GET',
      path: path.replace(/:\w+/g, '{}'),
      summary,
      tags: [tag],
      statuses: subscription
        ? ['200', '401', '403', '404', '421', '422', '429', '503']
        : ['401', '403', '421', '426', '429', '503'],
    }))
    const inOrder = (list: typeof documented) =>
      list.sort((a, b) => `${a.path} ${a.method}`.localeCompare(`${b.path} ${b.method}`))
    expect(inOrder(documented)).toEqual(inOrder([...mounted, ...talking]))
  }))

test('each operation has the name that its function has in functions/index.ts, and no other has', () =>
  withDocument((document) => {
    const names = operationsOf(document).map(({ operation }) => operation.operationId)
    expect(names.toSorted()).toEqual([...endpoints, ...lives].map(({ name }) => name).toSorted())
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !/^[a-z]+[A-Za-z0-9]*$/.test(name))).toEqual([])
  }))

test('what is shared has a name: a schema with properties is one of the components', () =>
  withDocument(({ components, paths }) => {
    expect(Object.keys(components.schemas)).toEqual(
      expect.arrayContaining(['Photo', 'PhotoSummary', 'Thumbnail', 'Job', 'ImageJob', 'Problem', 'Key']),
    )
    const shown = paths['/photos/{uuid}']?.get?.responses['200']?.content?.['application/json']?.schema
    expect(shown).toEqual({ $ref: '#/components/schemas/PhotoWithTimeline' })
  }))

test('it declares every part of a path, and asks for nothing that has a default', () =>
  withDocument((document) => {
    for (const { path, method, operation } of operationsOf(document)) {
      const named = [...path.matchAll(/\{(.*?)\}/g)].map(([, name]) => name)
      const parameters = operation.parameters ?? []
      const inPath = parameters.filter((parameter) => parameter.in === 'path')
      expect
        .soft(
          inPath.map(({ name }) => name),
          path,
        )
        .toEqual(named)
      const mandatory = parameters.filter(({ required, schema }) => required && schema.default !== undefined)
      expect.soft(mandatory, path).toEqual([])
      const known = endpoints.find(
        (each) => each.method.toLowerCase() === method && each.path.replace(/:(\w+)/g, '{$1}') === path,
      )
      expect.soft(operation.requestBody !== undefined, path).toBe(Boolean(known?.body ?? known?.form))
    }
  }))

test('it describes refusals as problems, and files as something else than JSON', () =>
  withDocument((document) => {
    for (const { path, operation } of operationsOf(document)) {
      for (const [status, { content }] of Object.entries(operation.responses)) {
        const types = Object.keys(content ?? {})
        if (['204', '304'].includes(status)) expect.soft(types, `${path} ${status}`).toEqual([])
        else if (path.startsWith('/files/') && status.startsWith('2'))
          expect.soft(types, `${path} ${status}`).not.toContain('application/json')
        else if (/^4/.test(status) && status !== '416')
          expect.soft(types, `${path} ${status}`).toEqual(['application/problem+json'])
      }
    }
  }))

test('answers are what it says', () =>
  withDocument(async (document, url, uuid) => {
    const compile = openCompiler(document)
    const calls: [path: string, answer: Response][] = [
      ['/photos', await fetch(`${url}/photos`)],
      ['/photos', await fetch(`${url}/photos?limit=0`)],
      ['/photos', await post(`${url}/photos`, { url: 'https://example.com/a.jpg' })],
      ['/photos', await post(`${url}/photos`, { urls: ['https://example.com/a.jpg'] })],
      ['/photos', await post(`${url}/photos`, '{')],
      ['/photos/pending', await fetch(`${url}/photos/pending`)],
      ['/photos/process', await post(`${url}/photos/process`, [uuid, uuidv7()])],
      ['/photos/{uuid}', await fetch(`${url}/photos/${uuid}`)],
      ['/photos/{uuid}', await fetch(`${url}/photos/nonsense`)],
      ['/health', await fetch(`${url}/health`)],
      ['/healthz', await fetch(`${url}/healthz`)],
      ['/readyz', await fetch(`${url}/readyz`)],
    ]
    for (const [path, answer] of calls) {
      const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
      const operations = Object.values(document.paths[path] ?? {})
      const schemas = operations.flatMap((one) => one.responses[answer.status]?.content?.[type]?.schema ?? [])
      expect.soft(schemas, `${path} ${answer.status} ${type}`).not.toEqual([])
      const body: unknown = await answer.json()
      expect
        .soft(
          schemas.some((schema) => compile(schema)(body)),
          `${path} ${answer.status}`,
        )
        .toBe(true)
    }
  }))

test('/docs is a page whose parts are there, and shows the same document', () =>
  withDocument(async (document, url) => {
    const answer = await fetch(`${url}/docs`)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    const page = await answer.text()
    const parts = [...page.matchAll(/(?:src|href)="(.*?)"/g)].map(([, part]) => part ?? '')
    expect(parts.length).toBeGreaterThan(3)
    for (const part of parts) {
      const found = await fetch(new URL(part, `${url}/docs/`))
      expect.soft(found.status, part).toBe(200)
      await found.body?.cancel()
    }
    expect(await (await fetch(`${url}/docs/json`)).json()).toEqual(document)
  }))
