import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { imageSize } from 'image-size'
import { expect, test } from 'vitest'
import { findRate, isSustained } from '../../scripts/load/find.ts'
import { readOptions } from '../../scripts/load/options.ts'
import { makePhoto, parseSize } from '../../scripts/load/photo.ts'
import type { Outcome } from '../../scripts/load/run.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { DEADLINE_MS, freePort, getJson, type Service, startScript, until } from '../support/service.ts'

type Command = { child: ChildProcess; output(): string; ended: Promise<number | null> }

function load(args: readonly string[], env: Environment = {}): Command {
  const child = spawn(process.execPath, ['scripts/run.mjs', 'load', ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)))
  return { child, output: () => output, ended: once(child, 'close').then(([code]) => code) }
}

/** Runs `use` with the embedded service as a user starts it. */
const withService = (use: (service: Service, env: Environment) => Promise<void>) =>
  withEnvironment(SETUPS[0], async (given) => {
    const env = { ...given, PORT: String(await freePort()) }
    const service = await startScript('start', env, /Try:/)
    try {
      await use(service, env)
    } finally {
      await service.kill('SIGKILL')
    }
  })

type List = { items: unknown[] }
const count = async ({ url }: Service, query = '') =>
  (await getJson<List>(`${url}/photos?limit=1000${query}`)).items.length

/** Figures of the report by name. */
const figures = (output: string) =>
  Object.fromEntries(
    [...output.matchAll(/^(accepted|done|failed|refused|lost) +(\d+)$/gm)].map((row) => [
      row[1],
      Number(row[2]),
    ]),
  )

test('uploads at the asked rate, reports that all is done, and removes what it made, interrupted too', () =>
  withService(async (service, { STORAGE_DIR = '' }) => {
    const command = load(['--url', service.url, '--rate', '3', '--minutes', '0.05', '--size', '20kb'])
    await until(async () => (await count(service)) > 0)
    expect(await command.ended, command.output()).toBe(0)
    expect(figures(command.output())).toEqual({ accepted: 9, done: 9, failed: 0, refused: 0, lost: 0 })
    expect(command.output()).toMatch(
      /^latency +p50 [\d.]+ s {2}p95 [\d.]+ s {2}p99 [\d.]+ s {2}max [\d.]+ s$/m,
    )
    expect(command.output()).toMatch(/^throughput +[\d.]+ photos\/s, [\d.]+ MB\/s$/m)
    expect(await count(service)).toBe(0)
    const interrupted = load(['--url', service.url, '--rate', '5', '--size', '10kb'])
    await until(async () => (await count(service)) >= 3)
    interrupted.child.kill('SIGINT')
    expect(await interrupted.ended).toBe(130)
    expect(await count(service)).toBe(0)
    const files = await readdir(STORAGE_DIR, { recursive: true })
    expect(files.filter((name) => name.endsWith('.jpg'))).toEqual([])
  }))

test('reports as lost what a killed service had accepted, and exits with 1', () =>
  withService(async (service) => {
    const args = ['--rate', '20', '--minutes', '0.02', '--size', '500kb', '--grace', '1']
    const command = load(['--url', service.url, ...args])
    await until(async () => (await count(service, '&status=pending')) >= 3, 2 * DEADLINE_MS, command.output)
    await service.kill('SIGKILL')
    expect(await command.ended, command.output()).toBe(1)
    const { accepted = 0, done = 0, lost = 0 } = figures(command.output())
    expect(lost).toBeGreaterThanOrEqual(3)
    expect(done + lost).toBe(accepted)
    expect(command.output()).toContain('photos could not be removed')
  }))

test('loses nothing when the service is killed and comes back', () =>
  withService(async (service, env) => {
    const args = ['--rate', '20', '--minutes', '0.02', '--size', '500kb', '--grace', '15']
    const command = load(['--url', service.url, ...args])
    await until(async () => (await count(service, '&status=pending')) >= 3, 2 * DEADLINE_MS, command.output)
    await service.kill('SIGKILL')
    const again = await startScript('start', env, /Try:/)
    try {
      await command.ended
      const { accepted, done, lost } = figures(command.output())
      expect(accepted, command.output()).toBeGreaterThanOrEqual(3)
      expect({ done, lost }).toEqual({ done: accepted, lost: 0 })
      expect(await count(again)).toBe(0)
    } finally {
      await again.kill('SIGKILL')
    }
  }))

/** Runs `use` with a temporary directory and without servers. */
async function withDirectory(use: (directory: string, env: Environment) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'photos-'))
  const nowhere = {
    TEST_DATABASE_URL: 'postgres://127.0.0.1:1/none',
    TEST_RABBITMQ_URL: 'amqp://127.0.0.1:1',
  }
  await use(directory, { TMPDIR: directory, ...nowhere })
  await rm(directory, { recursive: true })
}

test('searches on a service of its own, of which nothing stays', () =>
  withDirectory(async (directory, env) => {
    const command = load(['--find', '--rate', '1000', '--minutes', '0.0001', '--size', '10kb'], env)
    await until(() => /photos\/s: /.test(command.output()), DEADLINE_MS, command.output)
    command.child.kill('SIGINT')
    expect(await command.ended).toBe(130)
    expect(command.output()).toMatch(/^A service of its own on http:\S+ \(embedded\)\n/)
    expect(await readdir(directory)).toEqual([])
  }))

const isNamed = process.env.TEST_DATABASE_URL !== undefined || process.env.TEST_RABBITMQ_URL !== undefined

test.skipIf(!isAvailable(SETUPS[1]) || isNamed)(
  'uses no servers that nobody named where nobody can agree to it, and says which they are',
  async () => {
    const command = load(['--minutes', '0.0001', '--size', '10kb'])
    expect(await command.ended).toBe(1)
    expect(command.output()).toMatch(
      /PostgreSQL at 127\.0\.0\.1:5432 and queues on RabbitMQ at 127\.0\.0\.1:5672/,
    )
    expect(command.output()).toContain('`npm run load -- --yes` does it')
  },
)

// tests/scripts/usage.test.ts runs the command with a wrong flag: what is thrown is printed, with the usage.
test.each([
  ['--size', 'big'],
  ['--rate', '0'],
  ['--url', 'localhost'],
  ['--minutes', 'x'],
])('refuses %s %s by name', (...args) => {
  expect(() => readOptions(args)).toThrow(args[0])
})

test('makes JPEGs of about the asked size', async () => {
  for (const bytes of [20_000, 500_000]) {
    const photo = await makePhoto(bytes)
    expect(Math.abs(photo.length / bytes - 1)).toBeLessThan(0.1)
    expect(imageSize(photo).type).toBe('jpg')
  }
})

test('reads sizes', () => {
  expect(['4mb', '500KB', '20000', '1.5 mb', '1mib'].map(parseSize)).toEqual([4e6, 5e5, 2e4, 1.5e6, 1048576])
  expect(['', '0', '-1mb', '4gb', 'mb'].map(parseSize)).toEqual(Array(5).fill(undefined))
})

const outcome = (latencies: number[], more: Partial<Outcome> = {}): Outcome => ({
  rate: 1,
  projectId: 1,
  uuids: [],
  accepted: latencies.length,
  done: latencies.length,
  failed: 0,
  refused: 0,
  lost: 0,
  latencies,
  tookMs: 20_000,
  reasons: new Map(),
  ...more,
})

test('a rate is sustained while nothing is lost and the wait does not grow', () => {
  expect(isSustained(outcome([500, 500, 500, 900, 1000, 1900]))).toBe(true)
  expect(isSustained(outcome([500, 500, 500, 900, 1000, 2100]))).toBe(false)
  expect(isSustained(outcome([5000, 5000, 5000, 5000, 9000, 9000], { tookMs: 40_000 }))).toBe(true)
  expect(isSustained(outcome([5000, 5000, 5000, 5000, 9000, 9000]))).toBe(false)
  expect(isSustained(outcome([500], { lost: 1 }))).toBe(false)
  expect(isSustained(outcome([500], { refused: 1 }))).toBe(false)
  expect(isSustained(outcome([]))).toBe(false)
})

test.each([0.3, 1, 7, 40])('finds a rate of %d to a tenth', async (limit) => {
  const tried: number[] = []
  const found = await findRate(async (rate) => tried.push(rate) > 0 && rate <= limit, 1)
  expect(found).toBeLessThanOrEqual(limit)
  expect(found).toBeGreaterThan(limit / 1.1)
  expect(tried.length).toBeLessThan(12)
})

test('finds no rate where none is sustained', async () => {
  expect(await findRate(async () => false, 4)).toBe(0)
})
