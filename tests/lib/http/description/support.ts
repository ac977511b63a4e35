import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { withEmbedded } from '../../../functions/support.ts'

export type Content = Record<string, { schema: object; examples?: Record<string, object> }>
export type Parameter = {
  name: string
  in: string
  required?: boolean
  description?: string
  schema: { default?: unknown }
}
export type Response = { description: string; headers?: Record<string, object>; content?: Content }
export type Operation = {
  operationId: string
  summary: string
  tags: string[]
  security: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { required: boolean; content: Content }
  responses: Record<string, Response>
}
export type Document = {
  openapi: string
  info: { description: string }
  tags: { name: string; description: string }[]
  servers: { url: string }[]
  webhooks: Record<string, { post: { requestBody: { content: Content } } }>
  paths: Record<string, Record<string, Operation>>
  components: Record<'schemas' | 'headers' | 'examples', Record<string, object>> & {
    responses: Record<string, Response>
  }
}

type Reference = { $ref: string }

/** Runs `use` with the description that a service serves. */
export const withDocument = (use: (document: Document, url: string) => Promise<void> | void) =>
  withEmbedded(async (_app, url) => {
    const answer = await fetch(`${url}/openapi.json`)
    await use((await answer.json()) as Document, url)
  })

/** The paths with each answer in the place of its reference. */
export const pathsOf = (document: Document): Document['paths'] =>
  mapValues(document.paths, (methods) =>
    mapValues(methods, (operation) => ({
      ...operation,
      responses: mapValues(operation.responses, (answer) => dereference(document, answer)),
    })),
  )

const mapValues = <T, U>(record: Record<string, T>, map: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))

function dereference({ components }: Document, answer: Response | Reference): Response {
  if (!('$ref' in answer)) return answer
  const [, name = ''] = answer.$ref.split('#/components/responses/')
  const named = components.responses[name]
  if (!named) throw new Error(`There is no ${answer.$ref}`)
  return named
}

export const openAjv = () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  // A CommonJS module whose default export is the function at run time and a namespace to the type checker.
  const add = formats as unknown as (ajv: Ajv2020) => void
  add(ajv)
  ajv.addFormat('binary', true)
  for (const format of ['line', 'label', 'label-key', 'name-filter']) ajv.addFormat(format, true)
  ajv.addFormat('utc-date-time', true)
  return ajv
}

/** Compiles schemas of a document, which refer to its components. */
export const openCompiler = (document: object) => {
  const ajv = openAjv().addSchema(document, 'document')
  return (schema: object) =>
    ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object)
}

/** Every operation with its place. */
export const operationsOf = (document: Document) =>
  Object.entries(pathsOf(document)).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
