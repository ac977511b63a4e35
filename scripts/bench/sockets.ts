import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { record } from '../../lib/outbox/record.ts'
import { eventData } from '../../lib/photos/event-data.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { createUpload } from '../../lib/photos/uploads.ts'
import { percentile } from '../load/pace.ts'
import { reach } from './load.ts'
import { type Environment, startRole } from './service.ts'

const SOCKETS = 5_000
/** Processes that hold the sockets, so that reading is not what takes the time. */
const CLIENTS = 4
const EVENTS = 30
const WARM_UP = 5
const EVERY_MS = 1_000
const PROJECT = 111
const DEADLINE_MS = 60_000

/** 5,000 sockets on one process, all on one project: from the time in an event until each of them has it. */
export async function benchSockets(env: Environment): Promise<Record<string, string>> {
  const app = await openApp(readConfig({ ...env, LOG_LEVEL: 'silent' }))
  await migrate(app.db)
  const api = await startRole('api', env)
  const idle = await api.rss()
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => startClient(api.url)))
  const { uuid } = await createUpload(app, {
    filename: 'a.jpg',
    owner: { projectId: PROJECT, keyId: null },
    maxBytes: app.config.maxSourceBytes,
  })
  const emit = emitter(app, uuid)
  const received = async () => clients.reduce((sum, { latencies }) => sum + latencies.length, 0)

  for (let i = 0; i < WARM_UP; i++) {
    await emit()
    await delay(EVERY_MS)
  }
  await reach(received, SOCKETS * WARM_UP, DEADLINE_MS)
  for (const { latencies } of clients) latencies.length = 0
  const cpu = await api.cpu()
  for (let i = 0; i < EVENTS; i++) {
    await emit()
    await delay(EVERY_MS)
  }
  await reach(received, SOCKETS * EVENTS, DEADLINE_MS)
  const perEvent = ((await api.cpu()) - cpu) / EVENTS
  const memory = await api.rss()

  await Promise.all(clients.map(({ stop }) => stop()))
  await api.stop()
  await app.close()
  const latencies = clients.flatMap((client) => client.latencies)
  if (latencies.length !== SOCKETS * EVENTS) throw new Error(`${latencies.length} events were received`)
  const at = (share: number) => `${Math.round(percentile(latencies, share))} ms`
  return {
    '5,000 sockets, from event to receipt': `p50 ${at(0.5)}, p99 ${at(0.99)}, last ${at(1)}`,
    '5,000 sockets, processor time of the api': `${Math.round(perEvent)} ms per event`,
    '5,000 sockets, memory of the api': `${Math.round(memory)} MB (${Math.round(idle)} MB without)`,
  }
}

function emitter(app: App, uuid: string): () => Promise<void> {
  return async () => {
    const data = eventData(await findPhoto(app.db, uuid), [], app.config.publicUrl)
    await record(app, async (_tx, emit) => emit({ type: 'image.processing', photoUuid: uuid, data }))
  }
}

type Sockets = { latencies: number[]; stop(): Promise<void> }

/** A process that holds its share of the sockets, all of them subscribed. */
async function startClient(url: string): Promise<Sockets> {
  const child: ChildProcess = fork(new URL('./socket-client.ts', import.meta.url), [
    url,
    String(SOCKETS / CLIENTS),
    String(PROJECT),
  ])
  process.on('exit', () => child.kill('SIGKILL'))
  await Promise.race([once(child, 'message'), once(child, 'exit').then(() => fail())])
  const latencies: number[] = []
  child.on('message', (values: number[]) => latencies.push(...values))
  return {
    latencies,
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

function fail(): never {
  throw new Error('The sockets could not be opened')
}
