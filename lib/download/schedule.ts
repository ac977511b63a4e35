import type { AppError } from '../errors.ts'
import { openBudget, type Share } from './budget.ts'
import type { Verdict } from './circuit.ts'
import { openFlow } from './flow.ts'
import { type HandBackReason, handBackError } from './hand-back.ts'
import { type Host, openHosts } from './hosts.ts'

/** How often those that wait are looked at, in ms. */
const CHECK_MS = 250
/** What a stopping worker leaves downloads to end, in ms. */
const GRACE_MS = 5_000
/** A worker that takes longer than this from a place to the request, in ms, is slow itself… */
const SLOW_START_MS = 250
/** … and holds its hosts to nothing for so long, in ms. */
const EXCUSED_MS = 1_000

export type Limits = {
  downloads: number
  downloadsPerHost: number
  /** Bytes of sources in memory. */
  downloadMemory: number
}

/** The place of one photo among the downloads. */
export type Place = {
  /** Waits until a request to that host may begin: before each hop. Throws `handed-back` where that is not likely soon. */
  enter(url: URL, signal?: AbortSignal): Promise<void>
  /** The photo is claimed, and its request begins. */
  begin(): void
  /** The download is over. */
  leave(verdict: Verdict): void
  share: Share
  /** Aborted where the worker stops and waits no longer. */
  signal: AbortSignal
}

type Waiter = { host: Host; start: () => void; refuse: (error: AppError) => void }

export type Schedule = ReturnType<typeof openSchedule>

/**
 * Decides which downloads run: at most `downloads`, at most `downloadsPerHost` of one host and port, or half of all while no
 * other host waits, and none while the memory is taken. What points into the bucket of the service, as `isOwn` says, has no limit
 * of its host. A photo waits only while its turn is likely to come soon; else it is handed back, so that slow hosts keep nothing
 * from the worker.
 */
export function openSchedule(limits: Limits, isOwn: (url: URL) => boolean = () => false) {
  const most = Math.max(limits.downloadsPerHost, Math.floor(limits.downloads / 2))
  const hosts = openHosts(isOwn)
  const all = openFlow()
  const budget = openBudget(limits.downloadMemory, () => dispatch())
  const stopping = new AbortController()
  const waiters = new Set<Waiter>()
  let running = 0
  let isStopped = false
  let excusedUntil = 0
  let timer: NodeJS.Timeout | undefined

  const hasRoom = (host: Host) => {
    const state = host.circuit.state(performance.now())
    if (state !== 'closed') return state === 'half-open' && host.running === 0
    return host.isOwn || host.running < (waiters.size === host.waiting ? most : limits.downloadsPerHost)
  }

  const mayStart = (host: Host) =>
    !isStopped && hasRoom(host) && running < limits.downloads && budget.isOpen()

  const begin = (host: Host) => {
    host.running++
    running++
  }

  const end = (host: Host, verdict: Verdict) => {
    const now = performance.now()
    host.running--
    running--
    host.circuit.take(verdict, now)
    host.flow.ended(now)
    all.ended(now)
    dispatch()
    hosts.tidy(host)
  }

  const remove = (waiter: Waiter) => {
    if (waiters.delete(waiter)) waiter.host.waiting--
  }

  function dispatch() {
    for (const waiter of waiters) {
      if (!mayStart(waiter.host)) continue
      remove(waiter)
      begin(waiter.host)
      waiter.start()
    }
    check()
  }

  /** Hands back those that would wait too long, the last ones first. */
  function check() {
    const now = performance.now()
    // What they wait for then is this worker, or its renders, and no host.
    if (now < excusedUntil || (!budget.isOpen() && budget.hasComplete())) {
      hosts.excuse(now)
      all.excuse(now)
    }
    const kept = new Map<Host, number>()
    let keptOfAll = 0
    for (const waiter of waiters) {
      const { host } = waiter
      const before = kept.get(host) ?? 0
      const reason = reasonAgainst(host, before, keptOfAll, now)
      if (reason) {
        remove(waiter)
        waiter.refuse(handedBack(host, reason, now))
        hosts.tidy(host)
        continue
      }
      kept.set(host, before + 1)
      if (hasRoom(host)) keptOfAll++
    }
    clearTimeout(timer)
    if (waiters.size > 0) timer = setTimeout(check, CHECK_MS)
  }

  /** Why one more photo of a host should not wait, where so many wait before it. */
  function reasonAgainst(host: Host, ofHost: number, ofAll: number, now: number): HandBackReason | undefined {
    if (isStopped) return 'stop'
    if (!hasRoom(host)) {
      host.flow.full(now)
      if (host.circuit.state(now) !== 'closed') return 'circuit'
      return ofHost < host.flow.room(now) ? undefined : 'host'
    }
    all.full(now)
    if (ofAll < all.room(now)) return undefined
    return running < limits.downloads ? 'memory' : 'downloads'
  }

  function handedBack(host: Host, reason: HandBackReason, now: number): AppError {
    const flow = reason === 'host' || reason === 'circuit' ? host.flow : all
    return handBackError(reason, host.name, flow.delay(now, host.circuit.left(now)))
  }

  function waitFor(host: Host, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        remove(waiter)
        reject(signal?.reason)
        hosts.tidy(host)
      }
      const settle = (done: () => void) => {
        signal?.removeEventListener('abort', abort)
        done()
      }
      const waiter: Waiter = {
        host,
        start: () => settle(resolve),
        refuse: (error) => settle(() => reject(error)),
      }
      waiters.add(waiter)
      host.waiting++
      signal?.addEventListener('abort', abort, { once: true })
      check()
    })
  }

  return {
    open(): Place {
      let held: Host | undefined
      let since = 0
      return {
        share: budget.open(),
        signal: stopping.signal,
        async enter(url, signal) {
          const host = hosts.of(url)
          if (held === host) return
          if (held) end(held, 'in-time')
          held = undefined
          signal?.throwIfAborted()
          if (host.waiting === 0 && mayStart(host)) {
            begin(host)
            host.flow.free()
            all.free()
          } else await waitFor(host, signal)
          held = host
          since = performance.now()
        },
        begin() {
          const now = performance.now()
          if (now - since > SLOW_START_MS) excusedUntil = now + EXCUSED_MS
        },
        leave(verdict) {
          if (held) end(held, verdict)
          held = undefined
        },
      }
    },
    /** Hands back what waits, and after a while what still downloads. */
    stop() {
      isStopped = true
      check()
      setTimeout(() => stopping.abort(handBackError('stop')), GRACE_MS).unref()
    },
    /** What runs and waits now, and how many hosts are tried less. */
    state: () => ({
      running,
      waiting: waiters.size,
      bytes: budget.used(),
      hosts: hosts.byState(performance.now()),
    }),
  }
}
