import { timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Config } from '../config/index.ts'
import type { Db } from '../db/port.ts'
import { parseKey } from '../key-text.ts'
import type { Caller } from './caller.ts'
import { findKey, hashSecret, type KeyRow, noteUse, projectsOf, scopesOf } from './keys.ts'

/** How long a process trusts what it knows of a key, in ms: one that is revoked elsewhere is refused after that. */
const TRUST_MS = 4_000
/** How soon it reads a key again whose secret does not fit, in ms. */
const REREAD_MS = 500
const MAX_KEYS = 10_000

/** The keys that this process knows: looking one up again costs no query. */
export type KeyCache = {
  /** Who calls with the text of a key; undefined where it is not valid now. */
  identify(text: string): Promise<Caller | undefined>
  /** What a key may do now, by its id and the print of its secret: for tokens and sessions that were made from it. */
  find(id: string, print: string): Promise<Caller | undefined>
  /** Whether the text is that of a key which this process has met: looking it up costs next to nothing. */
  isKnown(text: string): boolean
  /** Forgets a key that was changed here. */
  forget(id: string): void
}

type Known = { at: number; isUsed: boolean; key: Promise<{ row: KeyRow; caller: Caller } | undefined> }

export function openKeyCache(db: Db, { adminKey }: Pick<Config, 'adminKey'>): KeyCache {
  const keys = new LRUCache<string, Known>({ max: MAX_KEYS })
  /** The ids of those that there were when they were last looked up. */
  const seen = new LRUCache<string, true>({ max: MAX_KEYS })
  const admin = adminKey === undefined ? undefined : parseKey(adminKey)
  const adminCaller: Caller | undefined = admin && {
    scopes: ['admin'],
    projects: '*',
    keyId: admin.id,
    credential: credentialOf(admin.id),
    print: printOf(hashSecret(admin.secret)),
  }
  const adminHash = admin && hashSecret(admin.secret)

  function load(id: string, trustMs: number): Known {
    const known = keys.get(id)
    if (known && known.at > performance.now() - trustMs) return known
    const key = findKey(db, id).then((row) => {
      if (row) seen.set(id, true)
      return row && { row, caller: callerOf(row) }
    })
    const read = { at: performance.now(), isUsed: false, key }
    keys.set(id, read)
    key.catch(() => keys.peek(id) === read && keys.delete(id))
    return read
  }

  /** The caller of a valid key that `fits`. */
  async function use(
    id: string,
    trustMs: number,
    fits: (row: KeyRow) => boolean,
  ): Promise<Caller | undefined> {
    const known = load(id, trustMs)
    const found = await known.key
    if (!found || !holds(found.row) || !fits(found.row)) return undefined
    if (!known.isUsed) {
      known.isUsed = true
      // Nobody waits for it: what reads would stand behind all who write.
      void noteUse(db, id)
    }
    return found.caller
  }

  return {
    async identify(text) {
      const parsed = parseKey(text)
      if (!parsed) return undefined
      const given = hashSecret(parsed.secret)
      if (parsed.id === admin?.id) return isSame(given, adminHash) ? adminCaller : undefined
      const fits = (row: KeyRow) => hasSecret(row, (hash) => isSame(given, hash))
      // Another process may have given it this secret a moment ago.
      const caller = (await use(parsed.id, TRUST_MS, fits)) ?? (await use(parsed.id, REREAD_MS, fits))
      return caller && { ...caller, print: printOf(given) }
    },
    async find(id, print) {
      if (id === admin?.id) return printOf(adminHash ?? '') === print ? adminCaller : undefined
      return use(id, TRUST_MS, (row) => hasSecret(row, (hash) => printOf(hash) === print))
    },
    isKnown(text) {
      const { id } = parseKey(text) ?? {}
      return id !== undefined && (id === admin?.id || seen.has(id))
    },
    forget: (id) => void keys.delete(id),
  }
}

const holds = ({ revoked_at, expires_at }: KeyRow) =>
  revoked_at === null && (expires_at === null || isAfterNow(expires_at))

/** Whether a key has a secret that fits: that of now, or for a while the one before. */
const hasSecret = ({ secret_hash, previous_hash, previous_until }: KeyRow, fits: (hash: string) => boolean) =>
  fits(secret_hash) || (previous_hash !== null && isAfterNow(previous_until) && fits(previous_hash))

/** As much of a hash as tells the secrets of a key apart. */
const printOf = (hash: string) => hash.slice(0, 16)

const isAfterNow = (time: string | null) => time !== null && Date.parse(time) > Date.now()

const isSame = (given: string, expected: string | null | undefined) =>
  typeof expected === 'string' && timingSafeEqual(Buffer.from(given), Buffer.from(expected))

function callerOf(row: KeyRow): Caller {
  const { id, expires_at, rate_limit } = row
  return {
    scopes: scopesOf(row),
    projects: projectsOf(row),
    keyId: id,
    credential: credentialOf(id),
    ...(expires_at !== null && { until: Date.parse(expires_at) }),
    ...(rate_limit !== null && { rateLimit: rate_limit }),
  }
}

const credentialOf = (id: string) => `key ${id}`
