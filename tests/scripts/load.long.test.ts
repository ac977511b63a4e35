import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Environment } from '../support/app.ts'
import { DEADLINE_MS, startScript, until } from '../support/service.ts'
import { count, figures, load, withService } from './load-command.ts'

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
