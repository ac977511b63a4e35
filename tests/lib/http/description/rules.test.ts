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
