import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { recordDeadLetter } from '../../lib/outbox/dead-letters.ts'
import { relayEvents } from '../../lib/outbox/relay.ts'
import type { Source } from '../../lib/queue/port.ts'
import { collector } from '../contracts/support.ts'
import { eventsOf, insertPhoto } from '../functions/support.ts'
import { type Environment, isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { runCommand } from '../support/command.ts'
import { until } from '../support/service.ts'

/** Runs the command, and returns its output. */
async function dead(env: Environment, ...args: string[]): Promise<string> {
  const { code, out, error } = await runCommand('dead', args, env)
  expect({ code, error }).toEqual({ code: 0, error: '' })
  return out
}

const BYTES = Buffer.from([0xff, 0, 0x0d, 0x0a])

describe.for(SETUPS)('npm run dead on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('lists dead messages, sends them to where they came from as they came, and drops them', () =>
    withEnvironment(setup, async (env) => {
      const app = await openApp(readConfig(env))
      await migrate(app.db)
      const uuid = randomUUID()
      const kill = (body: string | Uint8Array, reason: string, from?: Source) =>
        recordDeadLetter(app, { body: Buffer.from(body), headers: {}, redelivered: false }, reason, from)
      await kill(`["${uuid}"]`, 'There is no such photo')
      await kill(BYTES, 'The message names no photo')
      await kill('{"Records":[]}', 'The message is not an S3 event', 'uploads')
      await kill('a'.repeat(70_000), 'The message names no photo')
      const letters = await eventsOf(app, 'message.dead')
      const [first = '', second = '', third = '', long = ''] = letters.map(({ id }) => id)
      expect(letters.every(({ published_at }) => published_at !== null)).toBe(true)

      const listed = (await dead(env, 'list')).trim().split('\n')
      expect(listed).toHaveLength(4)
      expect(listed[0]).toContain(`${first}  `)
      expect(listed[0]).toContain(`There is no such photo  ${uuid.length + 4} bytes  "[\\"${uuid}\\"]"`)
      expect(listed[3]).toContain('70000 bytes')
      expect(await dead(env, 'list', '--limit', '1')).toBe(`${listed[0]}\n`)

      await insertPhoto(app, { uuid })
      const [work, uploads] = [collector(), collector()]
      await app.queue.consume('work', 10, work.handle)
      await app.queue.consume('uploads', 10, uploads.handle)
      expect(await dead(env, 'replay', first, third)).toBe('2 replayed\n')
      if (setup.servers) {
        await until(() => work.got.length === 1 && uploads.got.length === 1)
        expect(Buffer.from(uploads.got[0]?.body ?? '').toString()).toBe('{"Records":[]}')
        expect(Buffer.from(work.got[0]?.body ?? '').toString()).toBe(`["${uuid}"]`)
        expect(await dead(env, 'replay', second)).toBe('1 replayed\n')
        await until(() => work.got.length === 2)
        expect(Buffer.from(work.got[1]?.body ?? '')).toEqual(BYTES)
      } else {
        // The relay of the service, which is another process, publishes what the command has queued.
        await app.db.updateTable('events').set({ publish_after: '2026-01-01T00:00:00.000Z' }).execute()
        await relayEvents(app)
        await until(() => work.got.length === 1)
        expect(Buffer.from(work.got[0]?.body ?? '').toString()).toBe(`{"photo_uuid":"${uuid}"}`)
        expect(await dead(env, 'replay', second)).toMatch(/^0 replayed\n1 stay: /)
        expect(await dead(env, 'drop', second)).toBe('1 dropped\n')
      }
      expect(await dead(env, 'replay', '--all')).toMatch(/^0 replayed\n1 stay: /)
      expect(await dead(env, 'list')).toContain(long)
      expect(await dead(env, 'drop', '--all')).toBe('1 dropped\n')
      expect(await dead(env, 'list')).toBe('')
      await app.close()
    }),
  )
})

test.each([
  [[], 'The first argument must be list, replay or drop'],
  [['replay'], 'Name what to replay, or --all'],
  [['drop', randomUUID(), '--all'], 'Name what to drop, or --all'],
  [['list', '--limit', '0'], '--limit must be a whole number'],
])('npm run dead -- %j says what is wrong', async (args, message) => {
  const { code, error } = await runCommand('dead', args, {})
  expect(code).toBe(2)
  expect(error.split('\n')[0]).toBe(message)
})
