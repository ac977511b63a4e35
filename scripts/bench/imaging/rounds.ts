import { median } from '../load.ts'
import type { Task } from './contenders.ts'
import type { Runner } from './runners.ts'

/** What one contender needs for one job: medians in ms, and the highest memory in MB. */
export type Cost = { cpu: number; wall: number; peak: number }

/** Costs by job and contender. */
export type Costs = Record<string, Record<string, Cost>>

type Sample = [cpu: number, wall: number, peak: number]

const ROUNDS = 15
const LEAST_ROUNDS = 5

/** As long as compilers take: a process makes a hundred images before its code is as fast as it gets, and servers run for long. */
const WARM_UP_MS = 3_000

/** These take seconds: when there is little time they come last, once or a few times, and not warm. */
const SLOW: Record<string, number> = { jimp: 1, 'wasm-vips': 3 }

/** How long a job should take without those of `SLOW`, and until when one of these may begin. */
export type Budget = { jobMs: number; slowUntil: number }

/** Lets contenders do a task on a file in turns, 15 times each after they are warm; with a budget, fewer times. */
export async function measure(
  runners: readonly Runner[],
  task: Task,
  file: string,
  budget?: Budget,
): Promise<Record<string, Cost>> {
  const samples = new Map<string, Sample[]>()
  const able = runners.filter((runner) => runner.can(task, file))
  const run = async (runner: Runner) => {
    const sample = await runner.run(task, file)
    if (sample) samples.set(runner.name, [...(samples.get(runner.name) ?? []), sample])
  }
  const fast = budget ? able.filter(({ name }) => !(name in SLOW)) : able
  const deadline = performance.now() + (budget?.jobMs ?? Number.POSITIVE_INFINITY)
  const warmUpMs = budget ? budget.jobMs / 8 : WARM_UP_MS
  for (const runner of fast) {
    const warm = performance.now() + warmUpMs
    while (performance.now() < warm) await runner.run(task, file)
  }
  for (let round = 0; round < ROUNDS; round++) {
    if (round >= LEAST_ROUNDS && performance.now() > deadline) break
    for (const runner of fast) await run(runner)
  }
  if (budget) {
    for (const runner of able) {
      for (let i = 0; i < (SLOW[runner.name] ?? 0) && performance.now() < budget.slowUntil; i++)
        await run(runner)
    }
  }
  return Object.fromEntries([...samples].map(([name, all]) => [name, summarise(all)]))
}

const summarise = (all: Sample[]): Cost => ({
  cpu: median(all.map(([cpu]) => cpu)),
  wall: median(all.map(([, wall]) => wall)),
  peak: Math.max(...all.map(([, , peak]) => peak)),
})
