import { readFileSync } from 'node:fs'
import { uuidv7 } from 'uuidv7'
import { expect, test } from 'vitest'
import { endpoints, lives } from '../../../../functions/index.ts'
import { ERROR_CODES } from '../../../../lib/errors.ts'
import { refusalsOf } from '../../../../lib/http/description/codes.ts'
import { TAGS } from '../../../../lib/http/description/document.ts'
import { describedLive } from '../../../../lib/http/description/operations.ts'
import { isProblem } from '../../../../lib/http/schemas/answers.ts'
import { post } from '../../../functions/support.ts'
import {
  type Content,
  type Operation,
  openAjv,
  openCompiler,
  operationsOf,
  pathsOf,
  withDocument,
} from './support.ts'

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
    validate({ ...document, paths: pathsOf(document) })
    expect(validate.errors ?? []).toEqual([])
    for (const code of Object.keys(ERROR_CODES))
      expect(document.info.description).toContain(`| \`${code}\` |`)
    const contents = operationsOf(document).flatMap(({ operation }) => contentsOf(operation))
    const schemas = contents.flatMap((content) => Object.values(content).map(({ schema }) => schema))
    for (const text of new Set(schemas.map((schema) => JSON.stringify(schema))))
      expect.soft(() => compile(JSON.parse(text) as object), text).not.toThrow()
  }))

test('it lists every endpoint with each of its answers, and nothing else', () =>
  withDocument((document) => {
    const documented = operationsOf(document).map(({ path, method, operation }) => ({
      method: method.toUpperCase(),
      path: path.replace(/\{(.*?)\}/g, '{}'),
      summary: operation.summary,
      tags: operation.tags,
      statuses: Object.keys(operation.responses).toSorted(),
    }))
    const mounted = [...endpoints, ...lives.map(describedLive)].map((endpoint) => {
      const { method, path, summary, tag, replies } = endpoint
      const own = Object.keys(replies).filter((status) => !isProblem(replies[Number(status)]))
      const refused = [...refusalsOf(endpoint).keys()].map(String)
      expect.soft([...own, ...refused], path).toEqual(expect.arrayContaining(Object.keys(replies)))
      return {
        method,
        path: path.replace(/:\w+|\*/g, '{}'),
        summary,
        tags: [tag],
        statuses: [...own, ...refused, 'default'].toSorted(),
      }
    })
    const inOrder = (list: typeof documented) =>
      list.sort((a, b) => `${a.path} ${a.method}`.localeCompare(`${b.path} ${b.method}`))
    expect(inOrder(documented)).toEqual(inOrder(mounted))
    expect(document.tags.map(({ name }) => name)).toEqual(Object.keys(TAGS))
    expect([...endpoints, ...lives].filter(({ tag }) => !(tag in TAGS))).toEqual([])
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
    for (const { path, operation } of operationsOf(document)) {
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
      const known = endpoints.find(({ name }) => name === operation.operationId)
      expect
        .soft(operation.requestBody !== undefined, path)
        .toBe(Boolean(known?.body ?? known?.form ?? known?.content))
    }
  }))

test('it describes refusals as problems, and files as something else than JSON', () =>
  withDocument((document) => {
    for (const { path, operation } of operationsOf(document)) {
      for (const [status, { content }] of Object.entries(operation.responses)) {
        const types = Object.keys(content ?? {})
        if (['204', '302', '304', '416'].includes(status)) expect.soft(types, `${path} ${status}`).toEqual([])
        else if (path.startsWith('/files/') && /^[23]/.test(status))
          expect.soft(types, `${path} ${status}`).not.toContain('application/json')
        else if (/^4/.test(status))
          expect.soft(types, `${path} ${status}`).toEqual(['application/problem+json'])
      }
    }
  }))

test('its table of doors is that of the README', () =>
  withDocument(({ info }) => {
    const cellsOf = (text: string) =>
      [...text.matchAll(/^\| *`(page|photos|projects|jobs|v1)` *\|.*$/gm)].map(([row]) => row.split(/ *\| */))
    const doors = cellsOf(readFileSync('README.md', 'utf8'))
    expect(doors).toHaveLength(5)
    expect(cellsOf(info.description)).toEqual(doors)
  }))

test('a parameter says what it is for', () =>
  withDocument((document) => {
    for (const { path, operation } of operationsOf(document))
      for (const { name, description } of operation.parameters ?? [])
        expect.soft(description, `${path} ${name}`).toBeTruthy()
  }))

test('answers are what it says', () =>
  withDocument(async (document, url) => {
    const uuid = uuidv7()
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
      const operations = Object.values(pathsOf(document)[path] ?? {})
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
