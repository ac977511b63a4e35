import proxyAddr from '@fastify/proxy-addr'
import { normalizeIP } from '@fastify/rate-limit'

/** Connections of one address, and of those sockets. */
export const MOST_OF_ADDRESS = 256

/** Addresses of this machine, which limits by address leave alone. */
const LOOPBACK = ['loopback']

/** Whether limits by address leave a client alone: it is on this machine, or one of the proxies in `TRUST_PROXY`. */
export function exemptAddresses(trustProxy: readonly string[]): (address: string) => boolean {
  const isExempt = proxyAddr.compile([...LOOPBACK, ...trustProxy])
  return (address) => isExempt(address, 0)
}

/**
 * What an address is counted by: without the port that some proxies write behind it, and of IPv6 its network, since whoever has
 * one has all of it.
 */
export const networkOf = (address: string): string =>
  normalizeIP(address.replace(/^(?:\[([^\]]+)\]|([\d.]+)):\d+$/, '$1$2'))

/** Counts what is open by name, such as the connections of an address. */
export function openCounts() {
  const counts = new Map<string, number>()
  return {
    /** One more; returns how many there are now. */
    add(name: string): number {
      const count = (counts.get(name) ?? 0) + 1
      counts.set(name, count)
      return count
    },
    remove(name: string) {
      const count = (counts.get(name) ?? 0) - 1
      if (count > 0) counts.set(name, count)
      else counts.delete(name)
    },
  }
}
