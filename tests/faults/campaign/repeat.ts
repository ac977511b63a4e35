import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './faults.ts'
import { findViolations, untilSettled } from './invariants.ts'
import { between, randomFrom } from './random.ts'
import { openTraffic } from './traffic.ts'
import type { World } from './world.ts'

/** Time between two photos, in ms. */
const EVERY_MS = 150
/** The shortest outage, and the longest time before one, in ms. */
const SHORTEST_MS = 100
const LONGEST_BEFORE_MS = 1_500

/** What a fault did: the time from its end until nothing was left to be done, what that waited for last, and the requests meanwhile. */
export type Outcome = { recoveryMs: number; last: string[]; requests: number; failed: number }

/** Runs `act`; what it throws then says by what numbers it can be had again, and what the processes have printed. */
export async function telling<T>(world: World, what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}\n${await world.fleet.words().catch(() => '')}`, {
      cause: error,
    })
  }
}

/** Makes a fault while clients submit photos, heals it, waits until all has ended, and checks what must hold. */
export async function makeOnce(world: World, fault: Fault, seed: string): Promise<Outcome> {
  const random = randomFrom(seed)
  const traffic = openTraffic(world, EVERY_MS)
  let healedAt: number
  try {
    await delay(between(random, 0, LONGEST_BEFORE_MS))
    healedAt = await passThrough(world, fault, between(random, SHORTEST_MS, fault.longestMs))
  } finally {
    await traffic.stop()
  }
  await world.fleet.untilUp()
  const last = await untilSettled(world)
  const recoveryMs = performance.now() - healedAt
  await check(world)
  return { recoveryMs, last, requests: traffic.requests, failed: traffic.failed }
}

/** Makes a fault and heals it; returns when it was healed. A process counts from when it is started again. */
export async function passThrough(world: World, fault: Fault, outageMs: number): Promise<number> {
  try {
    await fault.make(world)
    await delay(outageMs)
  } finally {
    await fault.heal(world)
  }
  return performance.now()
}

/** Throws where something is broken. */
export async function check(world: World): Promise<void> {
  const violations = await findViolations(world)
  if (violations.length > 0) throw new Error(`${violations.length} violations:\n${violations.join('\n')}`)
}
