import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Contender, contenders, type Task } from './contenders.ts'

/** A PNG. */
const ONE_PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAACklEQVQI12P4DwABAQEAG7buVgAAAABJRU5ErkJggg=='

/**
 * A process with one contender: `runner.ts <contender> <threads>`. For every line `<task> <file>` it does the task
 * once and answers with processor time in ms, wall time in ms, and peak memory above idle in MB. For
 * `rate:<at once>:<ms> <file>` it makes thumbnails for so long and answers with how many a second. What it cannot do it
 * answers with `failed`.
 */
const [, , name = '', threads = '0'] = process.argv
const contender = await contenders[name as keyof typeof contenders](Number(threads))
// Idle is a process that has made an image: what code is loaded for it stays.
await contender.thumbnail?.(Buffer.from(ONE_PIXEL, 'base64'))
const idle = readMemory('VmRSS')
let last = { file: '', source: Buffer.alloc(0) }
console.log('ready 0 0')
for await (const line of createInterface({ input: process.stdin })) {
  const [task = '', file = ''] = line.split(/ (.*)/)
  if (last.file !== file) last = { file, source: readFileSync(file) }
  const { source } = last
  const measure = task.startsWith('rate:') ? measureRate(task, source) : runOnce(task as Task, source)
  console.log(
    await measure.then(
      (numbers) => numbers.join(' '),
      () => 'failed',
    ),
  )
}
process.exit()

async function runOnce(task: Task, source: Buffer): Promise<number[]> {
  // Sets the peak back to what is in use now.
  writeFileSync('/proc/self/clear_refs', '5')
  const [cpu, wall] = [process.cpuUsage(), performance.now()]
  await run(task, source)
  const elapsed = performance.now() - wall
  const { user, system } = process.cpuUsage(cpu)
  return [(user + system) / 1000, elapsed, readMemory('VmHWM') - idle]
}

async function measureRate(task: string, source: Buffer): Promise<number[]> {
  const [, atOnce, ms] = task.split(':').map(Number) as [number, number, number]
  const start = performance.now()
  let made = 0
  const turns = async () => {
    for (; performance.now() - start < ms; made++) await run('thumbnail', source)
  }
  await Promise.all(Array.from({ length: atOnce }, turns))
  return [made / ((performance.now() - start) / 1000), 0, 0]
}

function run(task: Task, source: Buffer): Promise<unknown> {
  const does: Contender[Task] = contender[task]
  if (!does) throw new Error(`${name} has no ${task}`)
  return does(source)
}

/** In MB. */
function readMemory(field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
}
