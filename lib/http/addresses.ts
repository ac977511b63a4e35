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
