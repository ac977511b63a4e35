import { expect, test } from 'vitest'
import { isKnown } from '../../lib/http/etag.ts'
import { answerWith, loadAssets } from '../../lib/http/page-assets.ts'
import { parseRange } from '../../lib/http/range.ts'
import { validatorCompiler } from '../../lib/http/validate.ts'
import { redactUrls } from '../../lib/log.ts'
import { parseTransformations } from '../../lib/photos/transformations.ts'
import { parseTraceparent } from '../../lib/trace.ts'
import { processorTime } from '../support/processor-time.ts'

const BLANKS = ' '.repeat(15_000)
const OBJECT = { bytes: 1_000, etag: '"1"', modified: new Date(0) }

const validateName = validatorCompiler({
  schema: { type: 'object', properties: { name: { type: 'string', maxLength: 255, format: 'name-filter' } } },
  httpPart: 'querystring',
})

const asset = async () => (await loadAssets()).page

/** What a stranger chooses the text of, and what was slow with it, or might be. */
const PARSED: readonly [what: string, text: string, parse: (text: string) => unknown][] = [
  ['blanks in If-None-Match', `x${BLANKS}x`, (text) => isKnown(text, '"1"')],
  ['commas in If-None-Match', ' ,'.repeat(7_500), (text) => isKnown(text, '"1"')],
  ['digits in Range', `bytes=${'1'.repeat(15_000)}x`, (text) => parseRange(text, undefined, OBJECT)],
  ['a traceparent', `00-${'a'.repeat(15_000)}`, parseTraceparent],
  ['stars in a name', `${'*'.repeat(250)}\0`, (name) => validateName({ name })],
  ['groups of stars in a name', `${'*'.repeat(40)}a`.repeat(6), (name) => validateName({ name })],
  ['a scheme in a message', 'a.'.repeat(7_500), redactUrls],
  ['users in the URLs of a message', 'a://a@'.repeat(2_500), redactUrls],
  ['an operation', `resize:${'1'.repeat(15_000)}x`, (text) => parseOrRefuse(text)],
]

test.for(PARSED)('%s are read in linear time', async ([, text, parse]) => {
  parse(text.slice(0, 10))
  expect(await processorTime(() => parse(text))).toBeLessThan(30)
})

test('blanks in Accept-Encoding are read in linear time', async () => {
  const page = await asset()
  const ask = () => answerWith(page, { 'accept-encoding': `x${BLANKS}x` }, {})
  ask()
  expect(await processorTime(ask)).toBeLessThan(30)
})

test('what names have in them still matters', () => {
  for (const name of ['', '*', '***', 'a*b*c*d*e*', '*a**b*c*d*e'])
    expect.soft(validateName({ name }), name).toHaveProperty('value')
  for (const name of ['*a*b*c*d*e*', 'a\0', '**\0'])
    expect.soft(validateName({ name }), name).toHaveProperty('error')
})

function parseOrRefuse(text: string) {
  try {
    return parseTransformations([text])
  } catch {
    return undefined
  }
}
