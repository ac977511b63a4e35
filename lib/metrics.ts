import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { PhotoStatus } from './photo-status.ts'

/** In seconds. */
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const STAGE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]

/** The database is read at most so often for all scrapes together, in ms… */
const READ_EVERY_MS = 5_000
/** … and at most so much of the time: counting a million photos takes 0.2 s. */
const READ_SHARE = 0.01

/** What there is to do, by the rows of the database: they are right for every queue and every process. */
export type Backlog = {
  photos: Record<PhotoStatus, number>
  /** Photos that are queued and that no worker holds. */
  depth: number
  /** Seconds since the oldest of them was queued; 0 where there is none. */
  oldestAgeS: number
  /** Events whose time has come and that are not published. */
  outbox: number
  /** Messages that wait for their turn. */
  held: number
  /** Deliveries that wait for each target, or for their next attempt. */
  deliveries: Record<string, number>
}

/** What downloads, and how many hosts are tried as usual, not at all, and one download at a time. */
type DownloadState = {
  running: number
  waiting: number
  bytes: number
  hosts: Record<'closed' | 'open' | 'half-open', number>
}

export type Stage = 'wait' | 'download' | 'decode' | 'render' | 'store' | 'total'

export type Metrics = ReturnType<typeof openMetrics>

/** What a process counts and measures, and the backlog in the database, as Prometheus reads it. */
export function openMetrics() {
  const registry = new Registry()
  const registers = [registry]
  const gauges = openGauges(registers)
  const sparingly = openSparingly<Backlog>()
  const downloads = openDownloadGauges(registers)
  let observed = false
  return {
    requests: new Counter({
      name: 'http_requests_total',
      help: 'Requests answered',
      labelNames: ['method', 'route', 'status'] as const,
      registers,
    }),
    /** In seconds. */
    durations: new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from a request to the end of its answer',
      labelNames: ['method', 'route'] as const,
      buckets: REQUEST_BUCKETS,
      registers,
    }),
    /** In seconds. */
    stages: new Histogram({
      name: 'photo_stage_duration_seconds',
      help: 'Time of a photo in each stage: wait is from the request to the first attempt, total from the request to completion',
      labelNames: ['stage'] as const,
      buckets: STAGE_BUCKETS,
      registers,
    }),
    retries: new Counter({
      name: 'photo_retries_total',
      help: 'Attempts that failed and are retried, by error code',
      labelNames: ['code'] as const,
      registers,
    }),
    failures: new Counter({
      name: 'photo_failures_total',
      help: 'Photos that failed, by error code',
      labelNames: ['code'] as const,
      registers,
    }),
    handedBack: new Counter({
      name: 'photo_handed_back_total',
      help: 'Photos queued again for later without an attempt, by what was taken by slow sources',
      labelNames: ['reason'] as const,
      registers,
    }),
    dead: new Counter({
      name: 'photo_dead_letters_total',
      help: 'Messages that could not be understood',
      registers,
    }),
    crashes: new Counter({
      name: 'photo_renderer_crashes_total',
      help: 'Renderers that died, by reason: timeout, memory, start, exit or a signal',
      labelNames: ['reason'] as const,
      registers,
    }),
    cacheUp: new Gauge({
      name: 'photo_cache_up',
      help: 'Whether the cache keeps images: 0 while Redis is away or takes none',
      registers,
    }),
    contentType: registry.contentType,
    /** Measures memory, processor time and event-loop lag from now on; for processes that are scraped. */
    observeProcess() {
      if (!observed) collectDefaultMetrics({ register: registry })
      observed = true
    },
    /** Reads at each scrape from now on what downloads; for processes that process photos. */
    observeDownloads(read: () => DownloadState) {
      downloads.read = read
    },
    /** Everything in Prometheus text; without the backlog while it cannot be read. */
    async text(readBacklog: () => Promise<Backlog>): Promise<string> {
      downloads.set()
      setGauges(gauges, await sparingly(readBacklog).catch(() => undefined))
      return registry.metrics()
    },
  }
}

/** Gauges of what downloads, which are there where something may. */
function openDownloadGauges(registers: Registry[]) {
  const open = () => ({
    photos: new Gauge({
      name: 'photo_downloads',
      help: 'Photos that are downloaded, or wait for it',
      labelNames: ['state'] as const,
      registers,
    }),
    hosts: new Gauge({
      name: 'photo_download_hosts',
      help: 'Hosts that downloads know, by the state of their circuit',
      labelNames: ['state'] as const,
      registers,
    }),
    bytes: new Gauge({
      name: 'photo_download_memory_bytes',
      help: 'Bytes of downloaded sources in memory',
      registers,
    }),
  })
  let gauges: ReturnType<typeof open> | undefined
  return {
    read: undefined as (() => DownloadState) | undefined,
    set() {
      if (!this.read) return
      gauges ??= open()
      const { running, waiting, hosts, bytes } = this.read()
      gauges.photos.set({ state: 'running' }, running)
      gauges.photos.set({ state: 'waiting' }, waiting)
      for (const [state, count] of Object.entries(hosts)) gauges.hosts.set({ state }, count)
      gauges.bytes.set(bytes)
    },
  }
}

type Gauges = ReturnType<typeof openGauges>

const openGauges = (registers: Registry[]) => ({
  photos: new Gauge({ name: 'photos', help: 'Photos by status', labelNames: ['status'] as const, registers }),
  depth: new Gauge({
    name: 'photo_queue_depth',
    help: 'Queued photos that no worker holds',
    registers,
  }),
  oldest: new Gauge({
    name: 'photo_queue_oldest_age_seconds',
    help: 'Age of the oldest of them',
    registers,
  }),
  outbox: new Gauge({
    name: 'photo_outbox_backlog',
    help: 'Events whose time has come and that are not published',
    registers,
  }),
  held: new Gauge({
    name: 'photo_queue_held',
    help: 'Messages that wait for their turn in the window of their project or door',
    registers,
  }),
  deliveries: new Gauge({
    name: 'photo_deliveries_waiting',
    help: 'Deliveries to a target that are to be sent, now or again',
    labelNames: ['target'] as const,
    registers,
  }),
})

function setGauges(gauges: Gauges, backlog: Backlog | undefined): void {
  const { photos, depth, oldest, outbox, held, deliveries } = gauges
  deliveries.reset()
  if (!backlog) {
    photos.reset()
    for (const gauge of [depth, oldest, outbox, held]) gauge.remove()
    return
  }
  for (const [status, count] of Object.entries(backlog.photos)) photos.set({ status }, count)
  depth.set(backlog.depth)
  oldest.set(backlog.oldestAgeS)
  outbox.set(backlog.outbox)
  held.set(backlog.held)
  for (const [target, count] of Object.entries(backlog.deliveries)) deliveries.set({ target }, count)
}

/** Reads again only after a while that grows with how long reading takes; until then the last answer stands. */
function openSparingly<T>(): (read: () => Promise<T>) => Promise<T> {
  let last: Promise<T> | undefined
  let next = 0
  return (read) => {
    if (last && performance.now() < next) return last
    const start = performance.now()
    next = Number.POSITIVE_INFINITY
    last = read().finally(() => {
      const end = performance.now()
      next = end + Math.max(READ_EVERY_MS, (end - start) / READ_SHARE)
    })
    return last
  }
}
