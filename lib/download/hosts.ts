import { type CircuitState, openCircuit } from './circuit.ts'
import { type Flow, openFlow } from './flow.ts'

/** Hosts remembered for what they did. */
const MOST_HOSTS = 10_000

/** What the bucket of the service is called, which may share its host with other buckets. */
const OWN_BUCKET = 'the bucket of the service'

/** A host with its port: how many downloads of it run and wait, and what became of them. */
export type Host = {
  readonly name: string
  /** Whether it is the bucket of the service, which has no limits of its own. */
  readonly isOwn: boolean
  running: number
  waiting: number
  readonly flow: Flow
  readonly circuit: ReturnType<typeof openCircuit>
}

/** The hosts that downloads have to do with now, and those whose downloads timed out lately. */
export function openHosts(isOwn: (url: URL) => boolean) {
  const hosts = new Map<string, Host>()
  const isIdle = ({ running, waiting }: Host) => running === 0 && waiting === 0
  const forgetOldest = () => {
    for (const host of hosts.values()) {
      if (!isIdle(host)) continue
      hosts.delete(host.name)
      return
    }
  }
  return {
    /** The host of a URL; all of the bucket of the service is one. */
    of(url: URL): Host {
      const own = isOwn(url)
      const name = own ? OWN_BUCKET : url.host
      const known = hosts.get(name)
      if (known) return known
      const host = { name, isOwn: own, running: 0, waiting: 0, flow: openFlow(), circuit: openCircuit() }
      hosts.set(name, host)
      if (hosts.size > MOST_HOSTS) forgetOldest()
      return host
    },
    /** Forgets a host of which there is nothing to remember. */
    tidy(host: Host) {
      if (isIdle(host) && host.circuit.isClean()) hosts.delete(host.name)
    },
    excuse(now: number) {
      for (const { flow } of hosts.values()) flow.excuse(now)
    },
    /** How many are tried as usual, not at all, and one download at a time. */
    byState(now: number): Record<CircuitState, number> {
      const count: Record<CircuitState, number> = { closed: 0, open: 0, 'half-open': 0 }
      for (const { circuit } of hosts.values()) count[circuit.state(now)]++
      return count
    },
  }
}
