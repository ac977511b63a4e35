import { expect, test } from 'vitest'
import { continueTrace, parseTraceparent, traceFields } from '../../lib/trace.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const WELL_FORMED = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

test.each([
  [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`],
  [`00-${TRACE}-${SPAN}-00`, `00-${TRACE}-${SPAN}-00`],
  // Flags that are not defined are not passed on.
  [`00-${TRACE}-${SPAN}-ff`, `00-${TRACE}-${SPAN}-03`],
  // A later version is read as far as version 00 goes.
  [`cc-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`],
  [`cc-${TRACE}-${SPAN}-01-what-comes-then`, `00-${TRACE}-${SPAN}-01`],
])('%s is understood', (given, parsed) => {
  expect(parseTraceparent(given)).toBe(parsed)
})

/** What must be ignored, by W3C Trace Context. */
const MALFORMED: unknown[] = [
  undefined,
  '',
  ['00', TRACE],
  `ff-${TRACE}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-1`,
  `00-${TRACE}-${SPAN}-0x`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-01.`,
  `cc-${TRACE}-${SPAN}-01.`,
  `.0-${TRACE}-${SPAN}-01`,
  `00-${TRACE.slice(1)}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}0-01`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01\n`,
]

test.each(MALFORMED)('%j is ignored, and a new trace begins', (given) => {
  expect(parseTraceparent(given)).toBeUndefined()
  const [one, two] = [continueTrace(given), continueTrace(given)]
  expect(one).toMatch(WELL_FORMED)
  expect(one).not.toContain(TRACE)
  expect(traceFields(one).trace_id).not.toBe(traceFields(two).trace_id)
})

test('a trace goes on under a span of its own', () => {
  const parent = `00-${TRACE}-${SPAN}-01`
  const [one, two] = [continueTrace(parent), continueTrace(parent)]
  for (const span of [one, two]) {
    expect(span).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
    expect(traceFields(span)).toEqual({ trace_id: TRACE, span_id: span.split('-')[2] })
  }
  expect(new Set([parent, one, two]).size).toBe(3)
  expect(traceFields(undefined)).toEqual({})
})
