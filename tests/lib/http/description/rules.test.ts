import { createConfig, lintFromString } from '@redocly/openapi-core'
import { expect, test } from 'vitest'
import { withDocument } from './support.ts'

/** What of the examples is no error in the recommended rules, and is one here. */
const RULES = {
  'no-invalid-media-type-examples': 'error',
  'no-invalid-parameter-examples': 'error',
  'no-invalid-schema-examples': 'error',
  'no-duplicated-tag-names': 'error',
  'operation-operationId-unique': 'error',
  'tags-alphabetical': 'off',
  // A probe without a parameter has nothing to refuse.
  'operation-4xx-response': 'off',
} as const

test('the description keeps the recommended rules of Redocly', () =>
  withDocument(async (document) => {
    const config = await createConfig({ extends: ['recommended'], rules: RULES })
    const problems = await lintFromString({
      source: JSON.stringify(document),
      absoluteRef: 'openapi.json',
      config,
    })
    const found = problems.map(
      ({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`,
    )
    expect(found).toEqual([])
  }))

/** Pointers of the schemas that have both fields of their own and a type for all others. */
function mixed(part: unknown, pointer = ''): string[] {
  if (typeof part !== 'object' || part === null) return []
  const { properties, additionalProperties } = part as { properties?: unknown; additionalProperties?: object }
  const isMixed = typeof properties === 'object' && Object.keys(additionalProperties ?? {}).length > 0
  return [
    ...(isMixed ? [pointer] : []),
    ...Object.entries(part).flatMap(([name, inner]) => mixed(inner, `${pointer}/${name}`)),
  ]
}

test('an object with fields of its own has no type for other fields: generated TypeScript would not compile', () =>
  withDocument((document) => {
    expect(mixed(document.paths)).toEqual([])
    expect(mixed(document.components)).toEqual([])
  }))
