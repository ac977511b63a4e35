import { randomUUID } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { LRUCache } from 'lru-cache'
import { type Caller, type Projects, SCOPES, type Scope } from './caller.ts'
import type { KeyCache } from './key-cache.ts'
import type { Signing } from './signing.ts'

/** What a token is for: calls by a program that must not have the key, or the page after its user signed in. */
type Purpose = 'token' | 'session'

type Grant = { scopes: readonly Scope[]; projects: Projects; maxBytes?: number | undefined }

/** JSON Web Tokens (RFC 7519) with HS256, made from a key: they end with it. */
export type Tokens = {
  issue(purpose: Purpose, by: Caller, grant: Grant, ttlMs: number): Promise<{ token: string; until: number }>
  /** Who calls with a token; undefined where it is not one of ours, has ended, or its key has. */
  identify(purpose: Purpose, token: string): Promise<Caller | undefined>
  /** Whether this process has verified a token before. */
  isKnown(purpose: Purpose, token: string): boolean
}

const ISSUER = 'photo-processor'
const MAX_TOKENS = 10_000

export function openTokens(signing: Signing, keys: KeyCache): Tokens {
  /** Tokens whose signature was checked, with the key that signed them; what they say never changes. */
  const verified = new LRUCache<string, { kid: string; caller: Caller }>({ max: MAX_TOKENS })

  async function verify(purpose: Purpose, token: string): Promise<Caller | undefined> {
    const name = `${purpose} ${token}`
    const known = verified.get(name)
    if (known) return (await signing.find(known.kid)) ? known.caller : undefined
    const read = await check(purpose, token)
    if (read) verified.set(name, read)
    return read?.caller
  }

  async function check(purpose: Purpose, token: string) {
    try {
      const { payload, protectedHeader } = await jwtVerify(
        token,
        async ({ kid = '' }) => (await signing.find(kid))?.secret ?? Promise.reject(new errors.JWSInvalid()),
        { algorithms: ['HS256'], issuer: ISSUER, audience: purpose, requiredClaims: ['exp', 'jti'] },
      )
      return {
        kid: protectedHeader.kid ?? '',
        // Not by its signature, which can be written in several ways.
        caller: { ...callerOf(payload), credential: `${purpose} ${payload.jti}` },
      }
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined
      throw error
    }
  }

  return {
    async issue(purpose, { keyId, print }, { scopes, projects, maxBytes }, ttlMs) {
      const exp = Math.floor((Date.now() + ttlMs) / 1000)
      const { kid, secret } = await signing.current()
      const token = await new SignJWT({
        scopes,
        projects,
        ...(maxBytes !== undefined && { max_bytes: maxBytes }),
        ...(print !== undefined && { print }),
      })
        .setProtectedHeader({ alg: 'HS256', kid })
        .setIssuer(ISSUER)
        .setAudience(purpose)
        .setSubject(keyId ?? '')
        // Those of one second differ, too: each has sockets of its own.
        .setJti(randomUUID())
        .setExpirationTime(exp)
        .sign(secret)
      return { token, until: exp * 1000 }
    },
    async identify(purpose, token) {
      const caller = await verify(purpose, token)
      if (!caller || (caller.until ?? 0) <= Date.now()) return undefined
      if (caller.keyId === undefined) return caller
      const key = await keys.find(caller.keyId, caller.print ?? '')
      return key && within(caller, key)
    },
    isKnown: (purpose, token) => verified.has(`${purpose} ${token}`),
  }
}

/** What a token says, as far as its key still may: a key's rights never change, but it ends. */
const within = (caller: Caller, key: Caller): Caller => ({
  ...caller,
  until: Math.min(caller.until ?? Number.POSITIVE_INFINITY, key.until ?? Number.POSITIVE_INFINITY),
  ...(key.rateLimit !== undefined && { rateLimit: key.rateLimit }),
})

function callerOf({
  sub,
  exp = 0,
  scopes,
  projects,
  max_bytes,
  print,
}: Record<string, unknown> & { sub?: string; exp?: number }): Caller {
  return {
    scopes: SCOPES.filter((scope) => Array.isArray(scopes) && scopes.includes(scope)),
    projects: projects === '*' ? '*' : (projects as number[]),
    until: exp * 1000,
    ...(sub && { keyId: sub }),
    ...(typeof max_bytes === 'number' && { maxBytes: max_bytes }),
    ...(typeof print === 'string' && { print }),
  }
}
