import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Channel } from 'amqplib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readiness } from '../../functions/health/readiness.ts'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { DELIVERY_LIMIT } from '../../lib/queue/port.ts'
import { collector, idOf, withStranger, work } from '../contracts/support.ts'
import { call } from '../functions/support.ts'
import { SETUPS, withEnvironment } from '../support/app.ts'
import type { OwnServer } from '../support/servers/program.ts'
import { openRabbitMqServer } from '../support/servers/rabbitmq.ts'
import { DEADLINE_MS, until } from '../support/service.ts'

/** A user that may read and write everything, and declare nothing. */
const VISITOR = 'visitor'

let server: OwnServer
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'definitions-'))
  const file = path.join(directory, 'definitions.json')
  const user = (name: string, tags: string) => ({
    name,
    tags,
    password_hash: hashOf(name),
    hashing_algorithm: 'rabbit_password_hashing_sha256',
  })
  const permission = (name: string, configure: string) => ({
    user: name,
    vhost: '/',
    configure,
    write: '.*',
    read: '.*',
  })
  await writeFile(
    file,
    JSON.stringify({
      vhosts: [{ name: '/' }],
      users: [user('guest', 'administrator'), user(VISITOR, '')],
      permissions: [permission('guest', '.*'), permission(VISITOR, '^$')],
    }),
  )
  server = await openRabbitMqServer({ load_definitions: file })
})

afterAll(async () => {
  await server?.close()
  await rm(directory, { recursive: true, force: true })
})

/** As RabbitMQ keeps the password of a user, here the user's name. */
function hashOf(password: string): string {
  const salt = randomBytes(4)
  const hash = createHash('sha256').update(Buffer.concat([salt, Buffer.from(password)]))
  return Buffer.concat([salt, hash.digest()]).toString('base64')
}

/** Runs `use` with an app on queues that `declare` has made before it. */
function onDeclared(
  name: string,
  declare: (channel: Channel) => Promise<unknown>,
  use: (app: App) => Promise<void>,
  { user = 'guest', topology = 'auto' } = {},
) {
  return withEnvironment(SETUPS[0], async (env) => {
    await asGuest(declare)
    const url = new URL(server.url)
    url.username = url.password = user
    const more = { RABBITMQ_URL: url.href, QUEUE_NAME: name, TOPOLOGY: topology }
    const app = await openApp(readConfig({ ...env, ...more }))
    await migrate(app.db)
    try {
      await use(app)
    } finally {
      await app.close()
    }
  })
}

const asGuest = (use: (channel: Channel) => Promise<unknown>) =>
  withStranger({ RABBITMQ_URL: server.url }, async (connection) => use(await connection.createChannel()))

/** Publishes until work, dead message and event have come to consumers and listener. */
async function untilAllComes({ queue }: App, { listens = true } = {}): Promise<void> {
  const got = { work: collector(), dead: collector(), notifications: collector() }
  const heard: string[] = []
  const consumers = await Promise.all([
    queue.consume('work', 2, got.work.handle),
    queue.consume('dead', 2, got.dead.handle),
    queue.consume('notifications', 2, got.notifications.handle),
    queue.listen(
      (body) => heard.push(Buffer.from(body).toString()),
      () => {},
    ),
  ])
  await until(
    async () => {
      const event = { ...work('event'), to: 'app', key: 'image.uploaded' } as const
      const confirmed = await queue.publish([work('work'), { ...work('dead'), to: 'dead' }, event], 5_000)
      const counts = Object.values(got).map((one) => one.ids().length)
      return confirmed.size === 3 && counts.every((count) => count > 0) && heard.length > 0 === listens
    },
    DEADLINE_MS,
    () => [Object.values(got).map((one) => one.ids().length), heard.length, queue.topology()],
  )
  for (const consumer of consumers) await consumer.stop()
}

const DURABLE = { durable: true }

test('queues and exchanges that another program declared differently are used, and readiness says what differs', () =>
  onDeclared(
    'guest',
    async (channel) => {
      await channel.assertQueue('guest', DURABLE)
      await channel.assertExchange('guest.photo-app', 'direct', DURABLE)
      await channel.assertExchange('guest.image-processing', 'direct', { durable: false })
    },
    async (app) => {
      await untilAllComes(app)
      await until(() => app.queue.topology().differs.length > 0)
      const { status, body } = await call(readiness, app)
      expect([status, body]).toMatchObject([200, { status: 'ok', checks: { queue: 'up' } }])
      const { missing, differs } = app.queue.topology()
      expect(missing).toEqual([])
      expect(differs).toHaveLength(2)
      expect(differs.find((text) => text.includes('guest.photo-app'))).toContain("current is 'direct'")
      expect(differs.find((text) => text.includes('guest.image-processing'))).toContain("'durable'")
      expect(body).toMatchObject({ topology: { missing, differs } })
    },
  ))

test('quorum queues of an earlier version go on being used, and what comes back too often is dead once', () =>
  onDeclared(
    'earlier',
    async (channel) => {
      const quorum = { 'x-queue-type': 'quorum' }
      const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'earlier.dead' }
      const limited = { ...quorum, ...dead, 'x-delivery-limit': DELIVERY_LIMIT }
      await channel.assertQueue('earlier.dead', { ...DURABLE, arguments: quorum })
      for (const queue of ['earlier', 'earlier.s3-events', 'earlier.photo-notifications'])
        await channel.assertQueue(queue, { ...DURABLE, arguments: limited })
    },
    async (app) => {
      await untilAllComes(app)
      await until(() => app.queue.topology().differs.length === 4)
      const dead = collector()
      let deliveries = 0
      const consumers = [
        await app.queue.consume('dead', 1, dead.handle),
        await app.queue.consume('work', 1, async (delivery) => {
          if (idOf(delivery) !== 'poison') return
          deliveries++
          throw new Error('again')
        }),
      ]
      await until(async () => (await app.queue.publish([work('poison')], 5_000)).size === 1)
      await until(() => dead.ids().includes('poison'))
      for (const consumer of consumers) await consumer.stop()
      expect(deliveries).toBe(1 + DELIVERY_LIMIT)
      expect(dead.ids().filter((id) => id === 'poison')).toHaveLength(1)
    },
  ))

test.for(['auto', 'check'])(
  'a user without the right to declare works with what is there (%s)',
  (topology) => {
    const name = `visited-${topology}`
    return onDeclared(
      name,
      async (channel) => {
        for (const queue of [name, `${name}.dead`, `${name}.s3-events`, `${name}.photo-notifications`])
          await channel.assertQueue(queue, DURABLE)
        await channel.assertExchange(`${name}.image-processing`, 'direct', DURABLE)
        await channel.assertExchange(`${name}.photo-app`, 'topic', DURABLE)
        await channel.bindQueue(name, `${name}.image-processing`, 'image-processing-queue')
        await channel.bindQueue(`${name}.photo-notifications`, `${name}.photo-app`, 'image.*')
      },
      async (app) => {
        // Its own queue of events it may not declare: it is told to read them from the database.
        let gaps = 0
        const listener = await app.queue.listen(
          () => {},
          () => gaps++,
        )
        await untilAllComes(app, { listens: false })
        await until(() => gaps > 1)
        await listener.stop()
        const { missing, differs } = app.queue.topology()
        expect(missing).toEqual([])
        if (topology === 'auto') expect(differs.every((text) => text.startsWith('ACCESS_REFUSED'))).toBe(true)
        expect(differs).toHaveLength(topology === 'auto' ? 6 : 0)
      },
      { user: VISITOR, topology },
    )
  },
)

test('what may not be declared is said to be missing, and used when somebody has declared it', () =>
  onDeclared(
    'late',
    async () => {},
    async (app) => {
      await until(() => app.queue.topology().missing.length === 6)
      const { body } = await call(readiness, app)
      expect(body).toMatchObject({ status: 'degraded', checks: { queue: 'down' } })
      expect(await app.queue.publish([work('refused')], 2_000)).toEqual(new Set())
      await asGuest(async (channel) => {
        for (const queue of ['late', 'late.dead', 'late.s3-events', 'late.photo-notifications'])
          await channel.assertQueue(queue, DURABLE)
        await channel.assertExchange('late.image-processing', 'direct', DURABLE)
        await channel.assertExchange('late.photo-app', 'topic', DURABLE)
        await channel.bindQueue('late', 'late.image-processing', 'image-processing-queue')
        await channel.bindQueue('late.photo-notifications', 'late.photo-app', 'image.*')
      })
      await untilAllComes(app, { listens: false })
      expect(app.queue.topology().missing).toEqual([])
    },
    { user: VISITOR },
  ))
