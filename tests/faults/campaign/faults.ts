import { rename, rm } from 'node:fs/promises'
import amqplib from 'amqplib'
import { execute } from '../../../scripts/own-servers.ts'
import { until } from '../../support/service.ts'
import type { Member } from './fleet.ts'
import type { World } from './world.ts'

/** Something that goes wrong; `heal` ends it. What `make` and `heal` return is waited for. */
export type Fault = {
  name: string
  /** The longest time between `make` and `heal`, in ms. */
  longestMs: number
  make(world: World): unknown
  heal(world: World): unknown
}

/** A process that its supervisor starts again. */
const killed = (name: string, member: Member): Fault => ({
  name,
  longestMs: 2_000,
  make: ({ fleet }) => fleet.kill(member, 'SIGKILL'),
  heal: ({ fleet }) => fleet.start(member),
})

export const FAULTS: readonly Fault[] = [
  killed('worker killed', 'worker'),
  killed('api killed', 'api'),
  killed('relay killed', 'relay'),
  {
    name: 'worker stopped by SIGTERM',
    longestMs: 2_000,
    async make({ fleet }) {
      const code = await fleet.kill('worker', 'SIGTERM')
      if (code !== 0) throw new Error(`a worker that was to stop ended with ${code}`)
    },
    heal: ({ fleet }) => fleet.start('worker'),
  },
  {
    name: 'renderers killed twice',
    longestMs: 1_500,
    make: ({ fleet }) => fleet.killRenderers(),
    heal: ({ fleet }) => fleet.killRenderers(),
  },
  {
    name: 'broker connections reset twice',
    longestMs: 1_500,
    make: ({ links }) => links.broker.reset(),
    heal: ({ links }) => links.broker.reset(),
  },
  {
    name: 'broker silent',
    longestMs: 6_000,
    make: ({ links }) => links.broker.silence(),
    heal: ({ links }) => links.broker.speak(),
  },
  {
    name: 'broker killed',
    longestMs: 2_000,
    make: ({ rabbitmq }) => rabbitmq.kill(),
    heal: ({ rabbitmq }) => rabbitmq.start(),
  },
  {
    name: 'work queue deleted',
    longestMs: 1_000,
    make: ({ rabbitmq }) => deleteQueue(rabbitmq.url, 'photo-processor'),
    heal: () => {},
  },
  {
    name: 'database cut off',
    longestMs: 4_000,
    make: ({ links }) => links.database.cut(),
    heal: ({ links }) => links.database.restore(),
  },
  {
    name: 'database silent',
    longestMs: 4_000,
    make: ({ links }) => links.database.silence(),
    async heal({ links, postgres }) {
      links.database.speak()
      await endConnections(postgres.url)
    },
  },
  {
    name: 'database read-only',
    longestMs: 4_000,
    make: ({ postgres }) => setReadOnly(postgres.url, 'on'),
    heal: ({ postgres }) => setReadOnly(postgres.url, 'off'),
  },
  {
    name: 'database killed',
    longestMs: 2_000,
    make: ({ postgres }) => postgres.kill(),
    // Its other processes may need a moment to notice, and it does not start beside them.
    heal: ({ postgres }) =>
      until(() =>
        postgres.start().then(
          () => true,
          () => false,
        ),
      ),
  },
  {
    name: 'storage unmounted',
    longestMs: 4_000,
    make: ({ storageDir }) => rename(storageDir, `${storageDir}-away`),
    async heal({ storageDir }) {
      // As a mount hides what was written below it.
      await rm(storageDir, { recursive: true, force: true, maxRetries: 5 })
      await rename(`${storageDir}-away`, storageDir)
    },
  },
  {
    name: 'Redis silent',
    longestMs: 4_000,
    make: ({ links }) => links.redis.silence(),
    heal: ({ links }) => links.redis.speak(),
  },
  {
    name: 'source silent',
    longestMs: 3_000,
    make: ({ links }) => links.source.silence(),
    heal: ({ links }) => links.source.speak(),
  },
]

async function deleteQueue(url: string, name: string): Promise<void> {
  const connection = await amqplib.connect(url)
  const channel = await connection.createChannel()
  await channel.deleteQueue(name)
  await connection.close()
}

/** As the server's keep-alive does with those that stay silent: there would soon be no more. Who is behind a link is not told. */
const endConnections = (url: string) =>
  execute(
    url,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where backend_type = 'client backend' and pid <> pg_backend_pid()`,
  )

async function setReadOnly(url: string, value: 'on' | 'off'): Promise<void> {
  const writable = `${url}?options=${encodeURIComponent('-c default_transaction_read_only=off')}`
  await execute(writable, `alter system set default_transaction_read_only = ${value}`)
  await execute(writable, 'select pg_reload_conf()')
}
