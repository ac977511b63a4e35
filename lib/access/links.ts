import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Config } from '../config/index.ts'
import { AppError } from '../errors.ts'
import { LINK_STEP_S, type Signing } from './signing.ts'

/** Makes a path below `/files/` one that opens without a credential, by a query: `<path>?exp=…&kid=…&sig=…`. */
export type Sign = (path: string) => string

/** Links to files that are good for a while. */
export type Links = {
  /** How to sign now; it changes nothing where access is open. */
  signer(): Promise<Sign>
  /**
   * Until when, in ms since 1970, the query of a request opens its path; undefined where it carries no signature. Throws
   * `link-expired`, or `link-invalid`.
   */
  verify(path: string, query: Readonly<Record<string, unknown>>): Promise<number | undefined>
}

export function openLinks(signing: Signing, { auth, linkTtlMs }: Pick<Config, 'auth' | 'linkTtlMs'>): Links {
  return {
    async signer() {
      if (auth === 'none') return (path) => path
      const { kid, secret } = await signing.current()
      const exp = expiry(Date.now(), linkTtlMs)
      return (path) => `${path}?exp=${exp}&kid=${kid}&sig=${signatureOf(secret, `/files/${path}`, exp)}`
    },
    async verify(path, { exp, kid, sig }) {
      if (auth === 'none' || (exp === undefined && kid === undefined && sig === undefined)) return undefined
      if (typeof exp !== 'string' || typeof kid !== 'string' || typeof sig !== 'string') throw invalid()
      if (!/^\d{1,12}$/.test(exp)) throw invalid()
      const key = await signing.find(kid)
      if (!key || !isSame(signatureOf(key.secret, path, Number(exp)), sig)) throw invalid()
      if (Number(exp) * 1000 <= Date.now()) throw new AppError('link-expired', 'The link has expired')
      return Number(exp) * 1000
    },
  }
}

/** In seconds since 1970, at the end of an hour: the same link comes again all that hour, so that caches know it. */
export const expiry = (nowMs: number, ttlMs: number): number =>
  Math.ceil((nowMs + ttlMs) / 1000 / LINK_STEP_S) * LINK_STEP_S

/** HMAC-SHA256 over the application's path and the expiry, in base64url. */
const signatureOf = (secret: Uint8Array, path: string, exp: number): string =>
  createHmac('sha256', secret).update(`${path}\n${exp}`).digest('base64url')

function isSame(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const invalid = () => new AppError('link-invalid', 'The signature of the link is not one of this service')
