import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { AppError } from '../errors.ts'

/** Bodies are taken as they are; queries and params are text, and are turned into what the schema wants. */
const strict = withFormats(new Ajv2020({ allErrors: false, coerceTypes: false, useDefaults: true }))
const coercing = withFormats(new Ajv2020({ allErrors: false, coerceTypes: true, useDefaults: true }))

function withFormats(ajv: Ajv2020): Ajv2020 {
  // A CommonJS module whose default export is the function at run time and a namespace to the type checker.
  const add = formats as unknown as (ajv: Ajv2020) => void
  add(ajv)
  // ajv-formats also takes `urn:uuid:…`, leap seconds and years that neither Date nor a database has.
  ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
  const dateTime = ajv.formats['date-time'] as { validate(text: string): boolean }
  ajv.addFormat('date-time', (text: string) => dateTime.validate(text) && isStorable(text))
  return ajv
}

/** Fastify's validator compiler; a value that does not fit throws `invalid` with a pointer to the wrong part. */
export function validatorCompiler({ schema, httpPart }: { schema: unknown; httpPart?: string | undefined }) {
  const validate = (httpPart === 'body' ? strict : coercing).compile(schema as object)
  const part = httpPart === 'body' ? '' : `/${httpPart === 'querystring' ? 'query' : httpPart}`
  return (data: unknown) => {
    if (validate(data)) return { value: data }
    const errors = toFieldErrors(deepest(validate.errors ?? []), part)
    return {
      error: new AppError('invalid', `The request does not fit: ${describe(errors)}`, { errors }),
    }
  }
}

/** Of the alternatives of a schema each complains; what went furthest into the value is what was meant. */
function deepest(errors: ErrorObject[]): ErrorObject[] {
  const depth = Math.max(...errors.map(({ instancePath }) => instancePath.length))
  return errors.filter(({ instancePath, keyword }) => instancePath.length === depth && keyword !== 'anyOf')
}

/** Errors as a client gets them; the values of an enumeration become one. */
function toFieldErrors(errors: ErrorObject[], part: string) {
  const values = errors.filter(({ keyword }) => keyword === 'const').map(({ params }) => params.allowedValue)
  const detail = values.length > 1 ? `must be one of ${values.join(', ')}` : undefined
  return errors
    .filter((error) => error.keyword !== 'const' || error.params.allowedValue === values[0])
    .map((error) => ({
      pointer: `${part}${pointerOf(error)}`,
      detail: (error.keyword === 'const' ? detail : undefined) ?? error.message ?? 'does not fit',
    }))
}

/** A time of the years 1 to 9999 in UTC. */
const isStorable = (text: string) => {
  const ms = Date.parse(text)
  return ms >= Date.parse('0001-01-01T00:00:00Z') && ms <= Date.parse('9999-12-31T23:59:59.999Z')
}

function pointerOf({ instancePath, params }: ErrorObject): string {
  const name: unknown = params.missingProperty ?? params.additionalProperty
  return name === undefined
    ? instancePath
    : `${instancePath}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

const describe = (errors: { pointer: string; detail: string }[]) =>
  errors.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).join('; ')
