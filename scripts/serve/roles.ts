import { setTimeout as delay } from 'node:timers/promises'
import { healthz } from '../../functions/health/healthz.ts'
import { liveness } from '../../functions/health/liveness.ts'
import { metrics } from '../../functions/health/metrics.ts'
import { readiness } from '../../functions/health/readiness.ts'
import { consumers, endpoints, lives, schedules } from '../../functions/index.ts'
import type { App } from '../../lib/app.ts'
import type { Schedule } from '../../lib/function.ts'
import { openServer } from '../../lib/http/bare-server.ts'
import { openDrain } from '../../lib/http/drain.ts'
import { NO_LIMITS } from '../../lib/http/limits.ts'
import { mount } from '../../lib/http/mount.ts'
import { loadAssets } from '../../lib/http/page-assets.ts'
import { openHttp } from '../../lib/http/server.ts'
import { testImaging } from '../../lib/imaging/self-test.ts'
import { openHub } from '../../lib/live/hub.ts'
import { enqueueMissed } from '../../lib/notifications/enqueue.ts'
import { once } from '../../lib/once.ts'
import { settleMarks } from '../../lib/outbox/mark-soon.ts'
import { requeueAll } from '../../lib/photos/requeue.ts'
import { type OpenWorker, openWorker, type WorkerApp } from '../../lib/worker.ts'
import { runLoops } from './loop.ts'
import { openProgress } from './progress.ts'
import { unlessStopped, whenDatabaseIsBack } from './wait.ts'

/** Messages other than photos that a worker handles at once. */
const OTHER_PREFETCH = 10

/** A part of the service that runs until stopped; stopping finishes what runs. `url` is where it serves endpoints. */
export type Running = { url?: string; stop(): Promise<void> }

/** Starts a part, when `schema` has resolved where it needs the database. Rejects, with nothing left, if the process is to stop before. */
type Run = (app: App, schema: Promise<unknown>) => Promise<Running>

const MIGRATED = Promise.resolve()

/** Serves every endpoint over HTTP; `url` is where. */
export async function runApi(app: App): Promise<Running & { url: string }> {
  app.metrics.observeProcess()
  const hub = openHub(app)
  // What another process has changed or removed is shown no longer.
  hub.subscribe({ kind: 'all' }, ({ subject }) => subject && app.contents.drop(subject))
  const server = await openHttp({ ...app, hub }, endpoints, lives)
  const drain = openDrain(server.server)
  const url = await server.listen({ host: app.config.host, port: app.config.port })
  // Not left to the first visitor.
  loadAssets().catch((error: Error) => app.log.error({ err: error }, 'page not readable'))
  return {
    url,
    async stop() {
      await delay(app.config.drainMs)
      const closed = hub.close()
      // A broker that never came is given up when the queue closes.
      await Promise.all([drain(), app.queue.isUp() ? closed : undefined])
      await server.close()
    },
  }
}

/** Serves the health and the metrics of the process, where `HEALTH_PORT` says so. */
async function runHealth(app: App): Promise<Running> {
  const { host, healthPort: port } = app.config
  const server = openServer(app)
  const drain = openDrain(server.server)
  if (port > 0) {
    app.metrics.observeProcess()
    // Who reaches this port may read the metrics.
    mount(server, [liveness, healthz, readiness, { ...metrics, access: 'public' }], app, NO_LIMITS)
    await server.listen({ host, port })
  }
  return {
    async stop() {
      await drain()
      await server.close()
    },
  }
}

/**
 * Processes photos; begins with what is queued where the queue itself remembers nothing. Where the installation cannot render,
 * it takes nothing from the queue: other workers may, or this one when it has been repaired and started again.
 */
export async function runWorker(app: App, schema: Promise<unknown> = MIGRATED): Promise<Running> {
  app.parts.set('imaging', 'down')
  const worker = openWorker(app)
  try {
    if (!(await unlessStopped(app, canRender(worker)))) return { stop: () => worker.close() }
    await schema
    return await consumeAll(app, worker)
  } catch (error) {
    await worker.close()
    throw error
  }
}

async function consumeAll(app: App, worker: OpenWorker): Promise<Running> {
  const starting = Promise.all(
    consumers.map(({ from, handle }) => {
      const prefetch = from === 'work' ? app.config.prefetch : Math.min(app.config.prefetch, OTHER_PREFETCH)
      const progress = openProgress(worker, from)
      // Put back, it would count, and the sixth time make it dead.
      return app.queue.consume(from, prefetch, (delivery) =>
        worker.hold.run(() => progress(() => handle(delivery, worker))),
      )
    }),
  )
  const running = await unlessStopped(app, starting)
  const stopConsumers = once(async () => {
    worker.handBack()
    await Promise.allSettled(running.map((consumer) => consumer.stop()))
  })
  // Before its turn to stop: what runs then has all the time that there is.
  app.stopping.addEventListener('abort', stopConsumers)
  const stop = async () => {
    await stopConsumers()
    await settleMarks(app.db)
  }
  try {
    if (!app.queue.durable) {
      await whenDatabaseIsBack(app, () => enqueueMissed(app))
      await whenDatabaseIsBack(app, () => requeueAll(app))
    }
  } catch (error) {
    // Told to stop before all was queued: what runs is finished all the same.
    await stop()
    throw error
  }
  return {
    async stop() {
      await stop()
      await worker.close()
    },
  }
}

/** Tests the image path, once, for `/readyz`. */
async function canRender({ imaging, parts, log }: WorkerApp): Promise<boolean> {
  try {
    await testImaging(imaging)
    parts.set('imaging', 'up')
    return true
  } catch (error) {
    log.error({ err: error }, 'this installation cannot render images: no photo is taken from the queue')
    return false
  }
}

/** Runs the schedules: relay, sweep and deliver. */
export async function runRelay(app: App, schema: Promise<unknown> = MIGRATED): Promise<Running> {
  await schema
  const stopping = new AbortController()
  const loops = schedules.map((schedule) => runLoops(app, schedule, stopping.signal))
  return {
    async stop() {
      stopping.abort()
      await Promise.all(loops)
      await Promise.all(schedules.map((schedule: Schedule) => schedule.finish?.(app)))
    },
  }
}

/** What a process may run; the first that is started is the last to stop. */
export const ROLES: Record<string, readonly Run[]> = {
  all: [runHealth, runRelay, runWorker, runApi],
  api: [runHealth, runApi],
  worker: [runHealth, runWorker],
  relay: [runHealth, runRelay],
  migrate: [],
}
