import { expect, test } from 'vitest'
import { inUtc, lacksZone } from '../../lib/time.ts'

test.for([
  ['2026-01-31', '2026-01-31T00:00:00.000Z', false],
  ['2026-01-31T12:00Z', '2026-01-31T12:00:00.000Z', false],
  ['2026-01-31t12:00:30.5z', '2026-01-31T12:00:30.500Z', false],
  ['2026-01-31T12:00+05:30', '2026-01-31T06:30:00.000Z', false],
  ['2026-01-31 12:00:00-01:00', '2026-01-31T13:00:00.000Z', false],
  ['2026-01-31T12:00', '2026-01-31T12:00:00.000Z', true],
  ['2026-01-31T12:00:00.123', '2026-01-31T12:00:00.123Z', true],
] as const)('%s is %s', ([text, time, lacking]) => {
  expect([inUtc(text), lacksZone(text)]).toEqual([time, lacking])
})
