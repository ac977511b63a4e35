import { STATUS_CODES } from 'node:http'
import type { TSchema } from '@sinclair/typebox'
import { ERROR_CODES, type ErrorCode } from '../../errors.ts'
import { isProblem, Problem } from '../schemas/answers.ts'
import { ANYWHERE, refusalsOf } from './codes.ts'
import { examplesOf, exchangesOf, readExamples } from './examples.ts'
import { type AnswerOf, headersOf } from './headers.ts'
import type { Described } from './operations.ts'

/** What an answer without a body of its own says by its status. */
const MEANINGS: Record<number, string> = {
  204: 'Done; there is no body',
  206: 'The part of the file that `Range` names',
  302: 'The file lies elsewhere: `Location` is a link to it, which ends',
  303: 'The form was taken; `Location` leads back to the page',
  304: 'What the client has is current',
  416: 'The file has no such range',
}

/** Refusals by the names that the description has for them: most are the same wherever they come. */
export type Refusals = Map<string, object>

/** Every answer of an endpoint, as OpenAPI has it; its refusals are references, and are added to `refusals`. */
export function describeAnswers(endpoint: Described, refusals: Refusals) {
  const given = Object.entries(endpoint.replies).filter(([, schema]) => !isProblem(schema))
  return {
    ...Object.fromEntries(
      given.map(([status, schema]) => [status, answer(endpoint, Number(status), schema)]),
    ),
    ...Object.fromEntries(
      [...refusalsOf(endpoint)].map(([status, codes]) => [
        status,
        shared(refusals, nameOf(codes), refusal(endpoint, status, codes)),
      ]),
    ),
    default: shared(refusals, 'Refused', {
      description: `Any request may be refused so, too: ${meaningsOf(ANYWHERE)}`,
      headers: Object.fromEntries(['allow', 'retry-after'].map(headerOf)),
      content: problem(ANYWHERE),
    }),
  }
}

/** A reference to an answer, or the answer itself where another has its name: its headers differ. */
function shared(refusals: Refusals, name: string, answer: object): object {
  const known = refusals.get(name) ?? answer
  if (JSON.stringify(known) !== JSON.stringify(answer)) return answer
  refusals.set(name, known)
  return { $ref: `#/components/responses/${name}` }
}

/** `NotFound`, or `TooManyOrAtMostRequired`. */
const nameOf = (codes: readonly ErrorCode[]): string =>
  codes.map((code) => code.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())).join('Or')

function answer(endpoint: Described, status: number, schema: TSchema) {
  const described = {
    description: MEANINGS[status] ?? schema.description ?? STATUS_CODES[status] ?? '',
    headers: headers({ endpoint, status }),
  }
  if (schema.type === 'null') return described
  const cases = exchangesOf(endpoint.name).filter(([, exchange]) => exchange.status === status)
  const examples = examplesOf(cases.map(([name, { answer }]) => [name, answer]))
  const { contentMediaType = 'application/json', ...rest } = schema
  return { ...described, content: { [contentMediaType]: { schema: rest, ...(examples && { examples }) } } }
}

const refusal = (endpoint: Described, status: number, codes: readonly ErrorCode[]) => ({
  description: meaningsOf(codes),
  headers: headers({ endpoint, status }),
  content: problem(codes),
})

const problem = (codes: readonly ErrorCode[]) => ({
  'application/problem+json': {
    schema: { allOf: [Problem, { type: 'object', properties: { code: { type: 'string', enum: codes } } }] },
    examples: Object.fromEntries(
      codes
        .filter((code) => readExamples().problems[code])
        .map((code) => [code, { $ref: `#/components/examples/${code}` }]),
    ),
  },
})

const meaningsOf = (codes: readonly ErrorCode[]): string =>
  codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].means}`).join(' ')

const headers = (answer: AnswerOf) => Object.fromEntries(headersOf(answer).map(headerOf))

const headerOf = (name: string) => [name, { $ref: `#/components/headers/${name}` }] as const
