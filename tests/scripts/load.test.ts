import { readdir } from 'node:fs/promises'
import { imageSize } from 'image-size'
import { expect, test } from 'vitest'
import { findRate, isSustained } from '../../scripts/load/find.ts'
import { readOptions } from '../../scripts/load/options.ts'
import { makePhoto, parseSize } from '../../scripts/load/photo.ts'
import type { Outcome } from '../../scripts/load/run.ts'
import { isAvailable, SETUPS } from '../support/app.ts'
import { until } from '../support/service.ts'
import { count, figures, load, withService } from './load-command.ts'

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
