import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { notify } from '../../../functions/consumers/notify.ts'
import { deliver } from '../../../functions/schedules/deliver.ts'
import type { App } from '../../../lib/app.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { deleteOldDeliveries } from '../../../lib/notifications/enqueue.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'
import {
  deliveries,
  failPhoto,
  makeDue,
  noteFailure,
  WEBHOOK_SECRET,
  withTargets,
} from '../../support/webhooks.ts'

const EMBEDDED = SETUPS[0]

/** When the one delivery is due, in ms. */
const dueAt = async (app: App) => Date.parse((await deliveries(app))[0]?.due ?? '')

/** Runs the schedule once, and to the end of what it has begun. */
async function run(app: App, target: string): Promise<number> {
  const count = await deliver.run(app, target)
  await deliver.finish(app)
  return count
}

/** By how much the clocks of the database and of this process may differ. */
const CLOCKS_MS = 50

describe.for(SETUPS)('what is due on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('an event that comes twice is told once, also by two processes at once', () =>
    withTargets(setup, ['/200', '/204'], async (app, receiver) => {
      const { delivery } = await failPhoto(app)
      await Promise.all([1, 2, 3].map(() => notify.handle(delivery, app)))
      const lanes = deliver.lanes(app.config)
      const counts = await Promise.all([...lanes, ...lanes].map((lane) => run(app, lane)))
      expect(counts.reduce((sum, count) => sum + count)).toBe(2)
      await notify.handle(delivery, app)
      for (const lane of lanes) expect(await run(app, lane)).toBe(0)
      expect(receiver.received.map(({ path }) => path).sort()).toEqual(['/200', '/204'])
    }),
  )

  on('a signing key that cannot be read costs no attempt', () =>
    withTargets(setup, ['/200'], async (app, receiver) => {
      await noteFailure(app)
      const links = { ...app.access.links, signer: () => Promise.reject(new Error('no key')) }
      const target = `${receiver.url}/200`
      await expect(run({ ...app, access: { ...app.access, links } }, target)).rejects.toThrow('no key')
      expect(await deliveries(app)).toMatchObject([{ attempts: 0 }])
      expect(await run(app, target)).toBe(1)
      expect(receiver.received).toHaveLength(1)
    }),
  )

  on('what was told is forgotten after DELIVERIES_KEEP, what still waits is not', () =>
    withTargets(setup, ['/200', '/500'], async (app, receiver) => {
      await noteFailure(app)
      for (const lane of deliver.lanes(app.config)) await run(app, lane)
      const age = (hours: number) =>
        app.db
          .updateTable('deliveries')
          .set({ created_at: nowPlus(-hours * 3_600_000) })
          .execute()
      await age(7 * 24 - 1)
      expect(await deleteOldDeliveries(app)).toBe(0)
      await age(7 * 24 + 1)
      expect(await deleteOldDeliveries(app)).toBe(1)
      expect(await deliveries(app)).toMatchObject([{ target: `${receiver.url}/500` }])
    }),
  )

  on('a target that fails, or redirects, is tried again at the stated times, then given up', () =>
    withTargets(setup, ['/307'], async (app, receiver) => {
      const id = await noteFailure(app)
      const target = `${receiver.url}/307`
      const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000]
      const stated = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR]
      for (const [index, wait] of stated.entries()) {
        const before = Date.now()
        expect(await run(app, target)).toBe(1)
        const due = await dueAt(app)
        expect.soft(due, `after attempt ${index + 1}`).toBeGreaterThanOrEqual(before + wait - CLOCKS_MS)
        expect.soft(due, `after attempt ${index + 1}`).toBeLessThanOrEqual(Date.now() + wait + CLOCKS_MS)
        expect(await run(app, target)).toBe(0)
        await makeDue(app)
      }
      expect(await run(app, target)).toBe(1)
      expect(await deliveries(app)).toMatchObject([
        { event_id: id, attempts: 8, due: null, error: 'The target answered 307', body: expect.any(String) },
      ])
      // Eight times the same message under the same id; the redirect was never followed.
      expect(receiver.received.map(({ path, headers }) => [path, headers['webhook-id']])).toEqual(
        Array.from({ length: 8 }, () => ['/307', id]),
      )
      for (const { body, headers } of receiver.received) new Webhook(WEBHOOK_SECRET).verify(body, headers)
    }),
  )

  on('410 stops a target for good, and the others go on', () =>
    withTargets(setup, ['/410', '/200'], async (app, receiver) => {
      const lanes = deliver.lanes(app.config)
      await noteFailure(app)
      await noteFailure(app)
      await app.db
        .updateTable('deliveries')
        .set({ due: nowPlus(3_600_000) })
        .where('event_id', '=', (await deliveries(app))[1]?.event_id ?? '')
        .execute()
      for (const lane of lanes) await run(app, lane)
      await makeDue(app)
      await noteFailure(app)
      for (const lane of lanes) await run(app, lane)
      expect(receiver.at('/410')).toHaveLength(1)
      expect(receiver.at('/200')).toHaveLength(3)
      const stopped = (await deliveries(app)).filter(({ target }) => target.endsWith('/410'))
      expect(stopped.map(({ due }) => due)).toEqual([null, null])
    }),
  )
})

test('while one process waits for an answer the others leave it alone; if it died they send it again', () =>
  withTargets(EMBEDDED, ['/slow'], async (app, receiver) => {
    const target = `${receiver.url}/slow`
    await noteFailure(app)
    const first = deliver.run(app, target)
    await until(() => receiver.received.length === 1)
    expect(await deliver.run(app, target)).toBe(0)
    expect(receiver.received).toHaveLength(1)
    // As a minute later.
    await makeDue(app)
    const second = deliver.run(app, target)
    await until(() => receiver.received.length === 2)
    await receiver.close()
    await Promise.all([first, second])
    await deliver.finish(app)
    // What the first found changes nothing: the second had taken it.
    expect(await deliveries(app)).toMatchObject([
      { attempts: 2, error: expect.stringMatching(/^The target/) },
    ])
  }))

test('a name that stands for a private address is refused at delivery, and not tried again', () =>
  withApp(
    EMBEDDED,
    async (app) => {
      await noteFailure(app)
      expect(await run(app, 'http://localhost:9/hook')).toBe(1)
      expect(await deliveries(app)).toMatchObject([
        { due: null, attempts: 1, error: 'The address of localhost may not be reached' },
      ])
    },
    { WEBHOOK_URLS: 'http://localhost:9/hook', WEBHOOK_SECRET, SOURCE_ALLOW_CIDRS: '' },
  ))

/** A mail server that takes mail, or answers what `refuse` says. */
async function openMailServer(refuse?: () => Error | undefined) {
  const mails: { from: string; to: string[]; text: string }[] = []
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    async onData(stream, session, done) {
      const mail = await text(stream)
      const error = refuse?.()
      const { mailFrom, rcptTo } = session.envelope
      if (!error)
        mails.push({
          from: (mailFrom as { address: string }).address,
          to: rcptTo.map(({ address }) => address),
          text: mail,
        })
      done(error)
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    mails,
    env: { SMTP_URL: `smtp://127.0.0.1:${port}`, NOTIFY_EMAIL: 'ops@example.com' },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

test('a failure is mailed, one mail for all that are due; what is well is not', async () => {
  const answers: (Error | undefined)[] = [Object.assign(new Error('Come later'), { responseCode: 450 })]
  const server = await openMailServer(() => answers.shift())
  await withApp(
    EMBEDDED,
    async (app) => {
      const { id, delivery } = await failPhoto(app)
      await app.db.updateTable('events').set({ type: 'image.uploaded' }).where('id', '=', id).execute()
      await notify.handle(delivery, app)
      expect(await deliveries(app)).toEqual([])
      const first = await noteFailure(app)
      expect(await run(app, 'mailto:ops@example.com')).toBe(1)
      expect(server.mails).toEqual([])
      expect(await deliveries(app)).toMatchObject([{ event_id: first, attempts: 1, due: expect.any(String) }])
      await noteFailure(app)
      await makeDue(app)
      expect(await run(app, 'mailto:ops@example.com')).toBe(2)
      expect(server.mails).toMatchObject([{ from: 'ops@example.com', to: ['ops@example.com'] }])
      expect(server.mails[0]?.text).toMatch(/^Subject: 2 photos failed\r$/m)
      expect(server.mails[0]?.text).toContain('source-rejected: It answered 404')
      await noteFailure(app)
      expect(await run(app, 'mailto:ops@example.com')).toBe(1)
      expect(server.mails[1]?.text).toMatch(/^Subject: A photo failed: source-rejected\r$/m)
    },
    server.env,
  )
  await server.close()
})
