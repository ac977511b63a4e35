import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FAULTS, type Fault } from './faults.ts'
import { findUnacknowledged, untilSettled } from './invariants.ts'
import { SEED, SOAK_MINUTES } from './options.ts'
import { between, randomFrom } from './random.ts'
import { check, passThrough, telling } from './repeat.ts'
import { openTraffic } from './traffic.ts'
import { openWorld } from './world.ts'

/** From one fault to the next, in ms. */
const FAULT_EVERY_MS = 15_000
/** From one photo to the next, in ms. */
const PHOTO_EVERY_MS = 300
const SHORTEST_MS = 100

test('while faults come one after the other, whatever is accepted ends once, and nothing is left', {
  timeout: SOAK_MINUTES * 120_000 + 900_000,
}, async () => {
  console.log(`seed ${SEED}`)
  const world = await openWorld()
  const made = new Map<string, number>()
  try {
    const random = randomFrom(`seed ${SEED}`)
    // All of them in some order, then again in another.
    const waiting: Fault[] = []
    const traffic = openTraffic(world, PHOTO_EVERY_MS)
    const end = performance.now() + SOAK_MINUTES * 60_000
    await telling(world, `seed ${SEED}`, async () => {
      try {
        while (performance.now() < end) {
          const next = delay(FAULT_EVERY_MS)
          if (waiting.length === 0) waiting.push(...FAULTS)
          const [fault] = waiting.splice(Math.floor(random() * waiting.length), 1)
          if (!fault) break
          made.set(fault.name, (made.get(fault.name) ?? 0) + 1)
          await passThrough(world, fault, between(random, SHORTEST_MS, fault.longestMs))
          await Promise.all([world.fleet.untilUp(), next])
        }
      } finally {
        await traffic.stop()
      }
      const stoppedAt = performance.now()
      await untilSettled(world)
      const seconds = ((performance.now() - stoppedAt) / 1_000).toFixed(1)
      const { requests, failed } = traffic
      console.log(
        [
          `${SOAK_MINUTES} minutes: ${world.accepted.size} photos, settled after ${seconds} s`,
          `${failed} of ${requests} requests failed`,
          ...[...made].map(([name, count]) => `${name}: ${count}`),
        ].join('\n'),
      )
      await check(world)
      expect(await findUnacknowledged(world)).toEqual([])
    })
  } finally {
    await world.close()
  }
})
