import { afterAll, beforeAll, expect, test } from 'vitest'
import { FAULTS } from './faults.ts'
import { findUnacknowledged } from './invariants.ts'
import { REPETITIONS, SEED } from './options.ts'
import { makeOnce, type Outcome, telling } from './repeat.ts'
import { type OpenWorld, openWorld } from './world.ts'

/** For one repetition on a busy machine, in ms: a photo may be submitted for two minutes, and take three to end. */
const REPETITION_MS = 360_000

const HEAD = [
  '| fault                          | repetitions | recovery: median, s | worst, s | requests that failed |',
  '| ------------------------------ | ----------- | ------------------- | -------- | -------------------- |',
]

let world: OpenWorld | undefined
const lines: string[] = []

beforeAll(() => console.log(`seed ${SEED}`))

/** Longest time for the broker to give up a connection, in ms. */
const SILENCE_MS = 90_000

afterAll(async () => {
  await world?.close()
  console.log([...HEAD, ...lines].join('\n'))
})

test.for(FAULTS)(
  '$name: whatever was accepted ends once, and nothing is left',
  { timeout: (REPETITIONS + 1) * REPETITION_MS },
  async (fault) => {
    world ??= await openWorld()
    const opened = world
    const outcomes: Outcome[] = []
    try {
      for (let repetition = 1; repetition <= REPETITIONS; repetition++) {
        const what = `seed ${SEED}, ${fault.name}, repetition ${repetition}`
        outcomes.push(await telling(opened, what, () => makeOnce(opened, fault, what)))
      }
      // The broker keeps what it sent to a connection that went silent until it misses that one's heartbeats, too.
      await expect.poll(() => findUnacknowledged(opened), { timeout: SILENCE_MS }).toEqual([])
    } catch (error) {
      // What is broken now is no fault of the next.
      world = undefined
      await opened.close()
      throw error
    } finally {
      lines.push(...report(fault.name, outcomes))
    }
  },
)

/** A line of the table, and what the slowest repetition waited for. */
function report(fault: string, outcomes: readonly Outcome[]): string[] {
  if (outcomes.length === 0) return []
  const sorted = outcomes.toSorted((one, other) => one.recoveryMs - other.recoveryMs)
  const seconds = (outcome?: Outcome) => ((outcome?.recoveryMs ?? 0) / 1_000).toFixed(1)
  const sum = (of: 'requests' | 'failed') => outcomes.reduce((all, outcome) => all + outcome[of], 0)
  const worst = sorted.at(-1)
  const cells = [
    fault.padEnd(30),
    String(outcomes.length).padStart(11),
    seconds(sorted[Math.floor(sorted.length / 2)]).padStart(19),
    seconds(worst).padStart(8),
    `${sum('failed')} of ${sum('requests')}`.padStart(20),
  ]
  const last = worst?.last.slice(0, 3).join('; ') || 'the start of a process'
  return [`| ${cells.join(' | ')} |`, `  the worst waited last for: ${last}`]
}
