import { availableParallelism } from 'node:os'
import { median } from '../load.ts'
import { startContender } from './runners.ts'

/** Short and many, so that a machine that is slow for some seconds is so for all alike. */
const ROUNDS = 15
const ROUND_MS = 1_000

/** As long as compilers take: a thread makes a hundred images before its code is as fast as it gets. */
const WARM_UP_MS = 6_000

/** Thumbnails per second with one thread and with as many as there are cores, ours and sharp's in turns; a table. */
export async function measureCores(file: string): Promise<string> {
  const cores = availableParallelism()
  const runs = await Promise.all(
    ['ours', 'sharp'].flatMap((name) => [1, cores].map((threads) => open(name, threads))),
  )
  for (const { runner, threads } of runs) await runner.run(`rate:${threads}:${WARM_UP_MS}`, file)
  for (let round = 0; round < ROUNDS; round++) {
    for (const { runner, threads, rates } of runs) {
      const [rate = 0] = (await runner.run(`rate:${threads}:${ROUND_MS}`, file)) ?? []
      rates.push(rate)
    }
  }
  for (const { runner } of runs) runner.stop()
  const rows: string[] = []
  for (let at = 0; at < runs.length; at += 2) {
    const [one, all] = runs.slice(at, at + 2).map(({ rates }) => median(rates)) as [number, number]
    rows.push(`| ${runs[at]?.name} | ${one.toFixed(1)} | ${all.toFixed(1)} | ${(all / one).toFixed(2)} |`)
  }
  const head = `| 320x320 of a 12 MP JPEG, a second | 1 thread | ${cores} threads | scaling |`
  return [head, '| --- | ---: | ---: | ---: |', ...rows].join('\n')
}

async function open(name: string, threads: number) {
  return { name, threads, runner: await startContender(name, threads), rates: [] as number[] }
}
