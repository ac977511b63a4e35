import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LimitRate } from '../access/authorize.ts'
import type { App } from '../app.ts'
import { AppError } from '../errors.ts'
import { exemptAddresses, networkOf } from './addresses.ts'
import { type Left, openCounter, type Subject } from './counter.ts'

/** Credentials a minute that an address may send and that are not valid: a key that is unknown costs a query. */
const FAILURES = 60

/** How often keys may call, and strangers try. Signed links and what is public are not counted. */
export type Limits = {
  /** How a request makes known who sends it: `response` gets the `RateLimit` headers of a key. */
  of(request: FastifyRequest, response?: FastifyReply): LimitRate
}

/** For a server that asks nobody who they are. */
export const NO_LIMITS: Limits = { of: () => (identify) => identify() }

/** Opens the limits of a server that is not ready yet; where access is open there are none. */
export function openLimits(server: FastifyInstance, app: Pick<App, 'config'>): Limits {
  const { auth, rateLimit, trustProxy } = app.config
  if (auth === 'none') return NO_LIMITS
  const { count, look } = openCounter(server, app)
  const isExempt = exemptAddresses(trustProxy)
  /** The address of a request, that of a network where it is IPv6; undefined: it speaks for whoever uses it. */
  const addressOf = ({ ip }: FastifyRequest): Subject | undefined =>
    isExempt(ip) ? undefined : { name: `address ${networkOf(ip)}`, max: FAILURES }

  return {
    of: (request, response) => async (identify, isKnown) => {
      const address = addressOf(request)
      if (address && !isKnown) {
        const left = await look(request, address)
        if (left.remaining === 0)
          throw refused('The address has sent too many credentials that are not valid', left)
      }
      const caller = await identify()
      if (!caller && address) await count(request, address)
      if (!caller?.keyId) return caller
      const key = { name: `key ${caller.keyId}`, max: caller.rateLimit ?? rateLimit }
      const left = await count(request, key)
      response?.headers({
        'ratelimit-limit': left.max,
        'ratelimit-remaining': left.remaining,
        'ratelimit-reset': Math.ceil(left.resetMs / 1000),
      })
      if (left.isExceeded) throw refused(`The key has had its ${left.max} requests of this minute`, left)
      return caller
    },
  }
}

const refused = (why: string, { resetMs }: Left) =>
  new AppError('rate-limited', why, { retryAfterMs: resetMs })
