import { readFileSync } from 'node:fs'
import type { ErrorCode } from '../../errors.ts'
import type { PublishedType } from './events.ts'

/** A request and its answer, as they were sent; the parts of a request that it has. */
export type Exchange = {
  params?: Record<string, unknown>
  query?: Record<string, unknown>
  body?: unknown
  form?: Record<string, unknown>
  status: number
  /** The body of the answer, where it is JSON or text. */
  answer?: unknown
}

/** What `tests/lib/http/examples.test.ts` records. */
export type Examples = {
  /** By the name of the operation, then by a name of the case. */
  operations: Record<string, Record<string, Exchange>>
  problems: Partial<Record<ErrorCode, object>>
  events: Partial<Record<PublishedType, object>>
}

let examples: Examples | undefined

/** Reads the examples when they are first wanted, and keeps them. */
export function readExamples(): Examples {
  examples ??= JSON.parse(readFileSync(new URL('examples.json', import.meta.url), 'utf8')) as Examples
  return examples
}

/** The cases of an operation. */
export const exchangesOf = (name = ''): [name: string, exchange: Exchange][] =>
  Object.entries(readExamples().operations[name] ?? {})

/** What cases have in common, as OpenAPI lists examples; undefined where there is none. */
export function examplesOf(cases: readonly (readonly [name: string, value: unknown])[]) {
  const known = cases.filter(([, value]) => value !== undefined)
  return known.length > 0 ? Object.fromEntries(known.map(([name, value]) => [name, { value }])) : undefined
}
