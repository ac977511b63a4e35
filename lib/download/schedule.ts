import type { AppError } from '../errors.ts'
import { openBudget, type Share } from './budget.ts'
import { type CircuitState, openCircuit, type Verdict } from './circuit.ts'
import { type HandBackReason, handBackError } from './hand-back.ts'
import { type Lane, openLane } from './lane.ts'

/** How often those that wait are looked at, in ms. */
const CHECK_MS = 250
/** What a stopping worker leaves downloads to end, in ms. */
const GRACE_MS = 5_000
/** Hosts remembered for what they did. */
const MOST_HOSTS = 10_000

export type Limits = {
  downloads: number
  downloadsPerHost: number
  /** Bytes of sources in memory. */
  downloadMemory: number
}

/** The place of one photo among the downloads. */
export type Place = {
  /** Waits until a request to that host may begin; each hop asks. Throws `handed-back` where that is not likely soon. */
  enter(url: URL, signal?: AbortSignal): Promise<void>
  /** The download is over. */
  leave(verdict: Verdict): void
  share: Share
  /** Aborted where the worker stops and waits no longer. */
  signal: AbortSignal
}

type Host = {
  name: string
  running: number
  lane: Lane
  circuit: ReturnType<typeof openCircuit>
}
type Waiter = { host: Host; start: () => void; refuse: (error: AppError) => void }

export type Schedule = ReturnType<typeof openSchedule>

/**
 * Decides which downloads run: at most `downloads`, at most `downloadsPerHost` of one host and port, or half of all while no
 * other host waits, and none while the memory is taken. A photo waits only while its turn is likely to come within a second;
 * else it is handed back, so that slow hosts keep nothing from the worker. `onHandBack` counts.
 */
export function openSchedule(limits: Limits, onHandBack: (reason: HandBackReason) => void) {
  const most = Math.max(limits.downloadsPerHost, Math.floor(limits.downloads / 2))
  const hosts = new Map<string, Host>()
  const all = openLane()
  const budget = openBudget(limits.downloadMemory, () => dispatch())
  const stopping = new AbortController()
  let waiters: Waiter[] = []
  let running = 0
  let isStopped = false
  let timer: NodeJS.Timeout | undefined

  const hostOf = (name: string): Host => {
    const known = hosts.get(name)
    if (known) return known
    const host = { name, running: 0, lane: openLane(), circuit: openCircuit() }
    hosts.set(name, host)
    const [oldest] = hosts.size > MOST_HOSTS ? [...hosts.values()].filter(isIdle) : []
    if (oldest) hosts.delete(oldest.name)
    return host
  }

  const isIdle = (host: Host) => host.running === 0 && waiters.every((waiter) => waiter.host !== host)

  const forget = (host: Host) => {
    if (isIdle(host) && host.circuit.isClean()) hosts.delete(host.name)
  }

  const hasRoom = (host: Host) => {
    const state = host.circuit.state(performance.now())
    if (state !== 'closed') return state === 'half-open' && host.running === 0
    const isAlone = waiters.every((waiter) => waiter.host === host)
    return host.running < (isAlone ? most : limits.downloadsPerHost)
  }

  const mayStart = (host: Host) => hasRoom(host) && running < limits.downloads && budget.isOpen()

  const begin = (host: Host) => {
    host.running++
    running++
  }

  const end = (host: Host, verdict: Verdict) => {
    const now = performance.now()
    host.running--
    running--
    host.circuit.take(verdict, now)
    host.lane.ended(now)
    all.ended(now)
    dispatch()
    forget(host)
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

  const remove = (waiter: Waiter) => {
    waiters = waiters.filter((each) => each !== waiter)
  }

  /** Hands back those that would wait too long, the last ones first. */
  function check() {
    const now = performance.now()
    if (!budget.isOpen() && budget.hasComplete())
      for (const { lane } of [{ lane: all }, ...hosts.values()]) lane.excuse(now)
    const kept = new Map<Host, number>()
    let keptOfAll = 0
    for (const waiter of waiters) {
      const { host } = waiter
      const before = kept.get(host) ?? 0
      const reason = reasonAgainst(host, before, keptOfAll, now)
      if (reason) {
        remove(waiter)
        waiter.refuse(handedBack(host, reason, now))
        forget(host)
        continue
      }
      kept.set(host, before + 1)
      if (hasRoom(host)) keptOfAll++
    }
    clearTimeout(timer)
    if (waiters.length > 0) timer = setTimeout(check, CHECK_MS)
  }

  /** Why one more photo of a host should not wait, where so many wait before it. */
  function reasonAgainst(host: Host, ofHost: number, ofAll: number, now: number): HandBackReason | undefined {
    if (isStopped) return 'stop'
    if (host.circuit.state(now) !== 'closed' && !hasRoom(host)) return 'circuit'
    if (!hasRoom(host)) {
      host.lane.full(now)
      return ofHost < host.lane.room(now) ? undefined : 'host'
    }
    all.full(now)
    if (ofAll < all.room(now)) return undefined
    return running < limits.downloads ? 'memory' : 'downloads'
  }

  function handedBack(host: Host, reason: HandBackReason, now: number): AppError {
    onHandBack(reason)
    const lane = reason === 'host' || reason === 'circuit' ? host.lane : all
    return handBackError(reason, host.name, lane.delay(now, host.circuit.left(now)))
  }

  return {
    open(): Place {
      let held: Host | undefined
      const share = budget.open()
      return {
        share,
        signal: stopping.signal,
        async enter(url, signal) {
          const host = hostOf(url.host)
          if (held === host) return
          if (held) end(held, 'in-time')
          held = undefined
          if (!isStopped && mayStart(host) && waiters.every((waiter) => waiter.host !== host)) {
            begin(host)
            host.lane.free()
            all.free()
          } else await waitFor(host, signal)
          held = host
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
    state() {
      const now = performance.now()
      const hostsBy: Record<CircuitState, number> = { closed: 0, open: 0, 'half-open': 0 }
      for (const { circuit } of hosts.values()) hostsBy[circuit.state(now)]++
      return { running, waiting: waiters.length, bytes: budget.used(), hosts: hostsBy }
    },
  }

  function waitFor(host: Host, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        remove(waiter)
        reject(signal?.reason)
        forget(host)
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
      waiters.push(waiter)
      signal?.addEventListener('abort', abort, { once: true })
      check()
    })
  }
}
