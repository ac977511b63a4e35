import { writeFile } from 'node:fs/promises'
import { drawChart } from './chart.ts'
import { measureColdStart } from './cold.ts'
import type { Task } from './contenders.ts'
import { measureCores } from './cores.ts'
import { measureLargest } from './largest.ts'
import { findPhoto, type PhotoName } from './photos.ts'
import { type Cost, type Costs, measure } from './rounds.ts'
import { startAll } from './runners.ts'
import { markdownTable } from './table.ts'

const CHART_FILE = 'docs/imaging.svg'

/** `quickMs` is what `--quick` spends on a job; it leaves out those without. `beside` names the contenders where not all run. */
type Job = {
  name: string
  title: string
  task: Task
  photo: PhotoName
  quickMs?: number
  beside?: readonly string[]
}

const WITH_SHARP = ['ours', 'sharp']

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
    quickMs: 8_000,
  },
  { name: 'thumbnail-2mp', title: '320x320 of a 2 MP JPEG', task: 'thumbnail', photo: 'jpeg-2mp' },
  { name: 'thumbnail-12mp-png', title: '320x320 of a 12 MP PNG', task: 'thumbnail', photo: 'png-12mp' },
  ...(
    [
      ['png-12mp-unfiltered', 'a 12 MP PNG without filters'],
      ['png-12mp-rgba', 'a 12 MP PNG with alpha'],
      ['png-2mp', 'a 2 MP PNG'],
      ['png-screenshot', 'a PNG screenshot of 2560x1600'],
      ['webp-2mp', 'a 2 MP WebP'],
      ['webp-12mp', 'a 12 MP WebP'],
      ['p3-12mp', 'a 12 MP JPEG in Display P3'],
    ] as const
  ).map(([photo, what]) => ({
    name: `thumbnail-${photo}`,
    title: `320x320 of ${what}`,
    task: 'thumbnail' as const,
    photo,
    beside: WITH_SHARP,
  })),
]

/** When a quick run, which is to end within 50 s, begins no more of what takes seconds. */
const QUICK_MS = 30_000

type Options = { quick: boolean; photo?: string }

/**
 * This project beside other makers of thumbnails, in turns in one run: medians of processor time and wall time of one
 * thread, memory, and images per second on all cores. `photo` stands for the 12 MP JPEG.
 */
export async function benchImaging({
  quick,
  photo,
}: Options): Promise<Record<string, Record<string, number>>> {
  const slowUntil = performance.now() + QUICK_MS
  const runners = await startAll()
  const costs: Costs = {}
  const jobs = JOBS.filter(({ quickMs }) => !quick || quickMs !== undefined)
  for (const { title, task, photo: name, quickMs = 0, beside } of jobs) {
    const budget = quick ? { jobMs: quickMs, slowUntil } : undefined
    const able = beside ? runners.filter((runner) => beside.includes(runner.name)) : runners
    costs[title] = await measure(able, task, await findPhoto(name, photo), budget)
  }
  for (const runner of runners) runner.stop()
  const names = runners.map(({ name }) => name)
  for (const [title, pick] of Object.entries(COLUMNS))
    console.log(`\n${markdownTable(title, names, costs, pick)}`)
  if (!quick) {
    await writeFile(CHART_FILE, drawChart(costs))
    console.log(`\n${await measureCores(await findPhoto('jpeg-12mp', photo))}`)
    console.log(`\n${await measureColdStart(await findPhoto('jpeg-2mp'))}`)
    console.log(`\n${await measureLargest()}`)
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
