import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { AppError, describeErrors, type FieldError } from '../errors.ts'
import { LABEL_KEY } from '../photos/labels.ts'
import { lacksZone, timeInFull } from '../time.ts'

/** Characters of a pointer in an answer. */
const MAX_POINTER = 200

/** Deepest nesting of a body. */
const MAX_DEPTH = 32

/** Bodies are taken as they are; queries and params are text, and are turned into what the schema wants. */
const strict = withFormats(new Ajv2020({ allErrors: false, coerceTypes: false, useDefaults: true }))
const coercing = withFormats(new Ajv2020({ allErrors: false, coerceTypes: true, useDefaults: true }))

function withFormats(ajv: Ajv2020): Ajv2020 {
  // A CommonJS module whose default export is the function at run time and a namespace to the type checker.
  const add = formats as unknown as (ajv: Ajv2020) => void
  add(ajv)
  // ajv-formats also takes `urn:uuid:…`, leap seconds and years that neither Date nor a database has.
  ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
  // No NUL, which PostgreSQL cannot hold; each wildcard lets a database look through the rest of the name once more.
  // A run of stars can be read in one way only: else 100 of them before a NUL would take seconds.
  ajv.addFormat('name-filter', /^[^\0*]*(?:\*+(?:[^\0*]+|$)){0,5}$/)
  ajv.addFormat('line', /^[^\p{Cc}\p{Cs}]*$/u)
  ajv.addFormat('label-key', new RegExp(`^${LABEL_KEY}$`))
  ajv.addFormat('label', new RegExp(`^${LABEL_KEY}:[^\\p{Cc}\\p{Cs}]{0,255}$`, 'u'))
  const dateTime = ajv.formats['date-time'] as { validate(text: string): boolean }
  const isTime = (text: string) => dateTime.validate(timeInFull(text)) && isStorable(timeInFull(text))
  ajv.addFormat('date-time', (text: string) => isTime(text) && !lacksZone(text))
  ajv.addFormat('utc-date-time', isTime)
  return ajv
}

/** Fastify's validator compiler; a value that does not fit throws `invalid` with a pointer to the wrong part. */
export function validatorCompiler({ schema, httpPart }: { schema: unknown; httpPart?: string | undefined }) {
  const validate = (httpPart === 'body' ? strict : coercing).compile(schema as object)
  const part = httpPart === 'body' ? '' : `/${httpPart === 'querystring' ? 'query' : httpPart}`
  return (data: unknown) => {
    if (isDeeperThan(data, MAX_DEPTH))
      return { error: invalid([{ pointer: part, detail: `must be nested at most ${MAX_DEPTH} deep` }]) }
    if (!validate(data)) {
      const errors = toFieldErrors(meant(validate.errors ?? []), part)
      return { error: invalid(httpPart === 'querystring' ? errors.map(naming(schema)) : errors) }
    }
    const endless = httpPart === 'body' ? undefined : findEndless(data)
    if (endless === undefined) return { value: data }
    return {
      error: invalid([
        { pointer: `${part}/${endless}`, detail: `must be within ±${Number.MAX_SAFE_INTEGER}` },
      ]),
    }
  }
}

const invalid = (errors: FieldError[]) =>
  new AppError('invalid', `The request does not fit: ${describeErrors(errors)}`, { errors })

/** Says of a parameter that is not known which ones are. */
const naming =
  (schema: unknown) =>
  (error: FieldError): FieldError => {
    const known = Object.keys((schema as { properties?: object }).properties ?? {})
    const taken = known.length > 0 ? known.join(', ') : 'no parameters'
    return error.detail === UNKNOWN ? { ...error, detail: `${UNKNOWN}; this address takes ${taken}` } : error
  }

/** Whether arrays and objects lie in one another more than `most` deep; no deeper than that is looked. */
const isDeeperThan = (value: unknown, most: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (most === 0 || Object.values(value).some((part) => isDeeperThan(part, most - 1)))

/** The name of a number that Ajv has made of a text such as `1e309`, and no database can hold. */
const findEndless = (data: unknown): string | undefined =>
  Object.entries(data ?? {}).find(
    ([, value]) => typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER,
  )?.[0]

/**
 * Of the alternatives of a schema each complains: what went furthest into the value is what was meant, and of those the
 * ones of its type.
 */
function meant(errors: ErrorObject[]): ErrorObject[] {
  const depth = Math.max(...errors.map(({ instancePath }) => instancePath.length))
  const deepest = errors.filter(
    ({ instancePath, keyword }) => instancePath.length === depth && keyword !== 'anyOf',
  )
  const ofItsType = deepest.filter(({ keyword }) => keyword !== 'type')
  return ofItsType.length > 0 ? ofItsType : deepest
}

/** Errors as a client gets them; alternatives of a value become one. */
function toFieldErrors(errors: ErrorObject[], part: string): FieldError[] {
  const byPlace = Map.groupBy(errors, (error) => shortened(`${part}${pointerOf(error)}`))
  return [...byPlace].map(([pointer, all]) => ({ pointer, detail: detailOf(all) }))
}

/** What one part of a request must be, of all that its alternatives say. */
function detailOf(errors: ErrorObject[]): string {
  const [{ keyword, params, message = 'does not fit' }] = errors as [ErrorObject]
  const all = (parameter: string) => [...new Set(errors.map((error) => String(error.params[parameter])))]
  switch (keyword) {
    case 'const':
      return errors.length === 1
        ? `must be ${params.allowedValue}`
        : `must be one of ${all('allowedValue').join(', ')}`
    case 'type':
      return `must be ${all('type')
        .map((type) => `${/^[aio]/.test(type) ? 'an' : 'a'} ${type}`)
        .join(' or ')}`
    case 'required':
      return 'is missing'
    case 'additionalProperties':
      return UNKNOWN
    case 'format':
      return `must be ${SAMPLES[params.format] ?? params.format}`
    case 'minItems':
      return `must have at least ${count(params.limit, 'entry', 'entries')}`
    case 'maxItems':
      return `must have at most ${count(params.limit, 'entry', 'entries')}`
    case 'minLength':
      return `must have at least ${count(params.limit, 'character')}`
    case 'maxLength':
      return `must have at most ${count(params.limit, 'character')}`
    default:
      return message
  }
}

const UNKNOWN = 'is not known here'

const SAMPLES: Record<string, string> = {
  'name-filter': 'a text with at most 5 wildcards (*)',
  line: 'a text without control characters',
  label: 'a label as key:value, such as album:holiday',
  'label-key':
    'an object whose keys have 1 to 64 letters, digits, "_", "." and "-", the first a letter or digit',
  'date-time': 'a time such as 2026-01-31T12:00:00Z, or a date such as 2026-01-31',
  'utc-date-time': 'a time such as 2026-01-31T12:00:00Z, or a date such as 2026-01-31',
  uuid: 'a UUID such as 01a208fa-d379-72a3-9e61-aaf487ae54bf',
}

const count = (limit: number, one: string, many = `${one}s`) =>
  limit === 1 ? `one ${one}` : `${limit} ${many}`

/** A time of the years 1 to 9999 in UTC. */
const isStorable = (text: string) => {
  const ms = Date.parse(text)
  return ms >= Date.parse('0001-01-01T00:00:00Z') && ms <= Date.parse('9999-12-31T23:59:59.999Z')
}

/** The answer repeats it twice: a client may have sent a name of 4 MB. */
const shortened = (pointer: string): string =>
  pointer.length <= MAX_POINTER ? pointer : `${pointer.slice(0, MAX_POINTER)}…`

function pointerOf({ instancePath, params }: ErrorObject): string {
  const name: unknown = params.missingProperty ?? params.additionalProperty
  return name === undefined
    ? instancePath
    : `${instancePath}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
}
