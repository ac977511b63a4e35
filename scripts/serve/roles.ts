import { setTimeout as delay } from 'node:timers/promises'
import { liveness } from '../../functions/health/liveness.ts'
import { metrics } from '../../functions/health/metrics.ts'
import { readiness } from '../../functions/health/readiness.ts'
import { consumers, endpoints, lives, schedules } from '../../functions/index.ts'
import type { App } from '../../lib/app.ts'
import { isDatabaseAway } from '../../lib/db/errors.ts'
import { lanesOf, type Schedule } from '../../lib/function.ts'
import { mount, openServer } from '../../lib/http/mount.ts'
import { loadAssets } from '../../lib/http/page-assets.ts'
import { openHttp } from '../../lib/http/server.ts'
import { testImaging } from '../../lib/imaging/self-test.ts'
import { openHub } from '../../lib/live/hub.ts'
import { enqueueMissed } from '../../lib/notifications/enqueue.ts'
import { settleMarks } from '../../lib/outbox/mark-soon.ts'
import { requeueAll } from '../../lib/photos/requeue.ts'
import { openWorker, type WorkerApp } from '../../lib/worker.ts'

const DATABASE_RETRY_MS = 1_000

/** Messages other than photos that a worker handles at once. */
const OTHER_PREFETCH = 10

/** A part of the service that runs until stopped; stopping finishes what runs. `url` is where it serves endpoints. */
export type Running = { url?: string; stop(): Promise<void> }

/** Serves every endpoint over HTTP; `url` is where. */
export async function runApi(app: App): Promise<Running & { url: string }> {
  app.metrics.observeProcess()
  const hub = openHub(app)
  // What another process has changed or removed is shown no longer.
  hub.subscribe({ kind: 'all' }, ({ subject }) => subject && app.contents.drop(subject))
  const server = await openHttp({ ...app, hub }, endpoints, lives)
  const url = await server.listen({ host: app.config.host, port: app.config.port })
  // Not left to the first visitor.
  loadAssets().catch((error: Error) => app.log.error({ err: error }, 'page not readable'))
  return {
    url,
    async stop() {
      await server.close()
      await hub.close()
    },
  }
}

/** Serves `/metrics`, `/healthz` and `/readyz` for a process without an api, where `METRICS_PORT` says so. */
export async function runMetrics(app: App): Promise<Running> {
  const { host, metricsPort: port } = app.config
  const server = openServer(app)
  if (port > 0) {
    app.metrics.observeProcess()
    mount(server, [liveness, readiness, metrics], app)
    await server.listen({ host, port })
  }
  return { stop: () => server.close() }
}

/**
 * Processes photos; begins with what is queued where the queue itself remembers nothing. Where the installation cannot render,
 * it takes nothing from the queue: other workers may, or this one when it has been repaired and started again.
 */
export async function runWorker(app: App): Promise<Running> {
  const worker = openWorker(app)
  if (!(await canRender(worker))) return { stop: () => worker.close() }
  const stopping = new AbortController()
  const running = await Promise.all(
    consumers.map(({ from, handle }) => {
      const prefetch = from === 'work' ? app.config.prefetch : Math.min(app.config.prefetch, OTHER_PREFETCH)
      return app.queue.consume(from, prefetch, (delivery) =>
        whenDatabaseIsUp(() => handle(delivery, worker), stopping.signal),
      )
    }),
  )
  if (!app.queue.durable) {
    await enqueueMissed(app)
    await requeueAll(app)
  }
  return {
    async stop() {
      stopping.abort()
      worker.handBack()
      await Promise.all(running.map((consumer) => consumer.stop()))
      await settleMarks(app.db)
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
    parts.set('imaging', 'down')
    return false
  }
}

/** Holds a message while the database is away: handed back, it would count as delivered, and five times make it dead. */
async function whenDatabaseIsUp(handle: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await handle()
    } catch (error) {
      if (!isDatabaseAway(error) || signal.aborted) throw error
      await delay(DATABASE_RETRY_MS, undefined, { signal }).catch(() => {})
    }
  }
}

/** Runs the schedules: relay, sweep and deliver. */
export async function runRelay(app: App): Promise<Running> {
  const stopping = new AbortController()
  const loops = schedules.flatMap((schedule) =>
    lanesOf(schedule, app.config).map((lane) => repeat(app, schedule, lane, stopping.signal)),
  )
  return {
    async stop() {
      stopping.abort()
      await Promise.all(loops)
      await Promise.all(schedules.map((schedule: Schedule) => schedule.finish?.(app)))
    },
  }
}

/** Again at once while there is work; else, or after a fault, at the schedule's interval. */
async function repeat(app: App, schedule: Schedule, lane: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const done = await schedule.run(app, lane).catch((error: Error) => {
      app.log.error({ err: error }, 'schedule failed')
      return 0
    })
    if (done === 0) await delay(schedule.every(app.config), undefined, { signal }).catch(() => {})
  }
}

/** What a process may run; the first that is started is the last to stop. */
export const ROLES: Record<string, readonly ((app: App) => Promise<Running>)[]> = {
  all: [runRelay, runWorker, runApi],
  api: [runApi],
  worker: [runMetrics, runWorker],
  relay: [runMetrics, runRelay],
  migrate: [],
}
