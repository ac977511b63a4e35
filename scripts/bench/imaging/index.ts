import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { median } from '../load.ts'
import { drawChart } from './chart.ts'
import type { Task } from './contenders.ts'
import { findPhoto, type PhotoName } from './photos.ts'
import { type Runner, startAll, startContender } from './runners.ts'
import { markdownTable } from './table.ts'

const CHART_FILE = 'docs/imaging.svg'

type Job = { name: string; title: string; task: Task; photo: PhotoName; quickMs?: number }

/** `quickMs` is what `--quick` spends on a job; it leaves out those without. */
const JOBS: Job[] = [
  {
    name: 'thumbnail-12mp',
    title: '320x320 of a 12 MP JPEG',
    task: 'thumbnail',
    photo: 'jpeg-12mp',
    quickMs: 6_000,
  },
  {
    name: 'thumbnail-12mp-progressive',
    title: '320x320 of a 12 MP progressive JPEG',
    task: 'thumbnail',
    photo: 'progressive-12mp',
    quickMs: 6_000,
  },
  {
    name: 'versions-12mp',
    title: 'project versions of a 12 MP JPEG',
    task: 'versions',
    photo: 'jpeg-12mp',
    quickMs: 9_000,
  },
  { name: 'thumbnail-2mp', title: '320x320 of a 2 MP JPEG', task: 'thumbnail', photo: 'jpeg-2mp' },
  { name: 'thumbnail-12mp-png', title: '320x320 of a 12 MP PNG', task: 'thumbnail', photo: 'png-12mp' },
  { name: 'thumbnail-2mp-webp', title: '320x320 of a 2 MP WebP', task: 'thumbnail', photo: 'webp-2mp' },
]

const ROUNDS = 15
/** As long as compilers take to notice what is run often: servers run for long. */
const WARM_UP_MS = 1_000
/** These take seconds: in a quick run once or a few times, and not warm. */
const QUICK_ROUNDS: Record<string, number> = { jimp: 1, 'wasm-vips': 3 }

/** Medians of one contender at one job: ms, ms and MB. */
export type Cost = { cpu: number; wall: number; peak: number }

export type Costs = Record<string, Record<string, Cost>>

type Options = { quick: boolean; photo?: string }

/**
 * This project beside other makers of thumbnails, in turns in one run: medians of processor time and wall time of one
 * thread, memory, and images per second on all cores. `photo` stands for the 12 MP JPEG.
 */
export async function benchImaging({
  quick,
  photo,
}: Options): Promise<Record<string, Record<string, number>>> {
  const runners = await startAll()
  const costs: Costs = {}
  const jobs = JOBS.filter(({ quickMs }) => !quick || quickMs !== undefined)
  for (const job of jobs)
    costs[job.title] = await measure(runners, job, await findPhoto(job.photo, photo), quick)
  for (const runner of runners) runner.stop()
  const names = runners.map(({ name }) => name)
  for (const [title, pick] of Object.entries(COLUMNS))
    console.log(`\n${markdownTable(title, names, costs, pick)}`)
  if (!quick) {
    await writeFile(CHART_FILE, drawChart(costs))
    await measureAllCores(await findPhoto('jpeg-12mp', photo))
  }
  const cpuOf = (made: Record<string, Cost> = {}) =>
    Object.fromEntries(Object.entries(made).map(([name, { cpu }]) => [name, Number(cpu.toFixed(1))]))
  return Object.fromEntries(jobs.map(({ name, title }) => [name, cpuOf(costs[title])]))
}

const COLUMNS: Record<string, (cost: Cost, sharp?: Cost) => string> = {
  'processor time in ms': ({ cpu }, sharp) =>
    `${show(cpu)}${sharp ? ` (${(sharp.cpu / cpu).toFixed(2)}x)` : ''}`,
  'wall time in ms': ({ wall }) => show(wall),
  'peak memory above idle in MB': ({ peak }) => (peak > 0 ? peak.toFixed(0) : ''),
}

const show = (ms: number) => ms.toFixed(ms < 100 ? 1 : 0)

async function measure(runners: Runner[], { task, quickMs }: Job, file: string, quick: boolean) {
  const samples = new Map<string, [number, number, number][]>()
  const able = runners.filter((runner) => runner.can(task))
  const roundsOf = ({ name }: Runner) => (quick ? (QUICK_ROUNDS[name] ?? ROUNDS) : ROUNDS)
  for (const runner of able) {
    if (roundsOf(runner) < ROUNDS) continue
    const warm = performance.now() + WARM_UP_MS
    while (performance.now() < warm) await runner.run(task, file)
  }
  const deadline = performance.now() + (quick && quickMs ? quickMs : Number.POSITIVE_INFINITY)
  for (let round = 0; round < ROUNDS; round++) {
    for (const runner of able) {
      if (round >= roundsOf(runner) || performance.now() > deadline) continue
      const sample = await runner.run(task, file)
      if (sample) samples.set(runner.name, [...(samples.get(runner.name) ?? []), sample])
    }
  }
  const column = (all: [number, number, number][], index: 0 | 1 | 2) => all.map((sample) => sample[index])
  return Object.fromEntries(
    [...samples].map(([name, all]) => [
      name,
      { cpu: median(column(all, 0)), wall: median(column(all, 1)), peak: Math.max(...column(all, 2)) },
    ]),
  )
}

const RATE_ROUNDS = 5
const RATE_MS = 3_000

/** Images per second with one thread and with as many as there are cores, ours and sharp's in turns. */
async function measureAllCores(file: string): Promise<void> {
  const cores = availableParallelism()
  console.log(
    `\n| 320x320 of a 12 MP JPEG, per second | one thread | ${cores} threads | scaling |\n| --- | ---: | ---: | ---: |`,
  )
  const sides = ['ours', 'sharp']
  const entries = await Promise.all(
    sides.flatMap((name) =>
      [1, cores].map(async (threads) => ({
        name,
        threads,
        runner: await startContender(name, threads),
        rates: [] as number[],
      })),
    ),
  )
  for (let round = 0; round <= RATE_ROUNDS; round++) {
    for (const { runner, threads, rates } of entries) {
      const [rate] = (await runner.run(`rate:${threads}:${RATE_MS}`, file)) ?? []
      // The first round warms up.
      if (round > 0 && rate) rates.push(rate)
    }
  }
  for (const side of sides) {
    const [one, all] = [1, cores].map((threads) =>
      median(entries.find((entry) => entry.name === side && entry.threads === threads)?.rates ?? []),
    ) as [number, number]
    console.log(`| ${side} | ${one.toFixed(1)} | ${all.toFixed(1)} | ${(all / one).toFixed(2)} |`)
  }
  for (const { runner } of entries) runner.stop()
}
