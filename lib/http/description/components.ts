/** A JSON schema, or a part of a document that contains some. */
type Part = { readonly [name: string]: unknown }

/** Where the examples are: what they hold is no schema. */
const EXAMPLES = new Set(['example', 'examples'])

/**
 * The document with every schema that has a `title` moved to its components, under that name, and a reference in its place. Throws
 * where two different schemas have one name.
 */
export function nameSchemas<D extends Part>(document: D): D & { components: Part } {
  const schemas = new Map<string, Part>()

  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    const walked = Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, EXAMPLES.has(key) ? part : walk(part)]),
    )
    const schema = asEnum(walked)
    const { title } = schema
    // The title of the document itself is no schema's.
    if (typeof title !== 'string' || 'version' in schema) return schema
    const known = schemas.get(title)
    if (known && textOf(known) !== textOf(schema))
      throw new Error(`Two different schemas have the title ${title}`)
    // That of a parameter has its description beside it.
    if (!known || known.description === undefined) schemas.set(title, schema)
    return { $ref: `#/components/schemas/${title}` }
  }

  const named = walk(document) as D
  const sorted = [...schemas].sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...named, components: { ...(named.components as Part), schemas: Object.fromEntries(sorted) } }
}

const textOf = ({ description, ...schema }: Part): string => JSON.stringify(schema)

/** Alternatives that are one text each, as the list that they are. */
function asEnum(schema: Part): Part {
  const { anyOf, ...rest } = schema
  if (!Array.isArray(anyOf) || anyOf.length === 0) return schema
  const values = anyOf.map(onlyValueOf)
  return values.includes(undefined) ? schema : { ...rest, type: 'string', enum: values }
}

/** The one text that a schema allows, if it does. */
function onlyValueOf(schema: Part): string | undefined {
  const { type, const: constant, enum: values, ...others } = schema
  if (type !== 'string' || Object.keys(others).length > 0) return undefined
  const [value, ...more] = Array.isArray(values) ? values : [constant]
  return typeof value === 'string' && more.length === 0 ? value : undefined
}
