import { hash, randomBytes } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import type { Config } from '../config/index.ts'
import { type Db, nowPlus } from '../db/port.ts'
import { SESSION_MS } from './session.ts'

/** A secret that links, tokens and sessions are signed with; `kid` names it in them. */
type SigningKey = { kid: string; secret: Uint8Array }

/** The signing keys of the database, the same for all processes; made by whoever needs the first. */
export type Signing = {
  /** The key that signs now. */
  current(): Promise<SigningKey>
  /** A key by its name; undefined where there is none. */
  find(kid: string): Promise<SigningKey | undefined>
}

/** How long a process trusts what it has read, in ms: after that it hears of a rotation. */
const TRUST_MS = 5_000

/** How long it goes on signing with that while it reads again, in ms: who signs in a transaction must not wait for a connection. */
const SIGN_MS = 10_000

/** How soon it reads again where a link names a key that it does not know, in ms. */
const REREAD_MS = 500

/** Links end at whole hours, in s. */
export const LINK_STEP_S = 3600

/** The first key: processes that start at the same time make one together. */
const FIRST = 'first'

type Known = { at: number; keys: Promise<Kept[]> }

/** `isSettled`: it is so old that all processes have read it. */
type Kept = SigningKey & { isSettled: boolean }

export function openSigning(db: Db, { secret }: Pick<Config, 'secret'>): Signing {
  let known: Known | undefined
  let last: { at: number; keys: Kept[] } | undefined

  function load(trustMs: number): Promise<Kept[]> {
    if (known && known.at > performance.now() - trustMs) return known.keys
    const before = known?.keys
    // What was read before goes on signing while the database is away.
    const keys = readKeys(db, secret).catch((error) => before ?? Promise.reject(error))
    const read = { at: performance.now(), keys }
    known = read
    keys.then(
      (found) => {
        last = { at: read.at, keys: found }
      },
      () => {
        if (known === read) known = undefined
      },
    )
    return keys
  }

  async function loadToSign(): Promise<Kept[]> {
    const fresh = load(TRUST_MS)
    return last && last.at > performance.now() - SIGN_MS ? last.keys : fresh
  }

  const findIn = (keys: readonly Kept[], kid: string) => keys.find((key) => key.kid === kid)

  return {
    async current() {
      const keys = await loadToSign()
      // Others could not verify yet what the newest signs.
      return (
        keys.find(({ isSettled }) => isSettled) ??
        keys[0] ??
        Promise.reject(new Error('The database has no signing key'))
      )
    },
    find: async (kid) => findIn(await load(TRUST_MS), kid) ?? findIn(await load(REREAD_MS), kid),
  }
}

/**
 * Makes the key that signs from now on, in other processes within 10 s. Those before it go on verifying as long as what they
 * have signed is good; with `now` they end at once.
 */
export async function rotateSigningKey(
  db: Db,
  { secret, linkTtlMs }: Pick<Config, 'secret' | 'linkTtlMs'>,
  now: boolean,
): Promise<string> {
  const kid = randomBytes(6).toString('hex')
  await addKey(db, kid, secret)
  const rows = await selectRows(db)
  const keepMs = Math.max(linkTtlMs + LINK_STEP_S * 1000, SESSION_MS) + TRUST_MS + SIGN_MS
  // A key was replaced when the one before it in this list, the newer, was made.
  const wasReplaced = (i: number) => Date.parse(rows[i - 1]?.created_at ?? '') <= Date.now() - keepMs
  const ended = rows.filter((row, i) => row.kid !== kid && (now || wasReplaced(i)))
  for (const row of ended) await db.deleteFrom('signing_keys').where('kid', '=', row.kid).execute()
  return kid
}

async function readKeys(db: Db, secret: string | undefined): Promise<Kept[]> {
  let rows = await selectRows(db)
  if (rows.length === 0) {
    await addKey(db, FIRST, secret)
    rows = await selectRows(db)
  }
  return Promise.all(
    rows.map(async ({ kid, secret: kept, settled }) => ({
      kid,
      secret: await open(kept, secret),
      isSettled: Boolean(settled),
    })),
  )
}

/** The newest first. */
const selectRows = (db: Db) =>
  db
    .selectFrom('signing_keys')
    .selectAll()
    .select(({ eb }) => eb('created_at', '<', nowPlus(-TRUST_MS)).as('settled'))
    .orderBy('created_at', 'desc')
    .orderBy('kid', 'desc')
    .execute()

async function addKey(db: Db, kid: string, secret: string | undefined): Promise<void> {
  const kept = await seal(randomBytes(32), secret)
  await db
    .insertInto('signing_keys')
    .values({ kid, secret: kept, created_at: nowPlus() })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

const PLAIN = 'plain:'

/** With `SECRET` a JWE (RFC 7516), else the bytes themselves. */
async function seal(bytes: Uint8Array, secret: string | undefined): Promise<string> {
  if (secret === undefined) return PLAIN + Buffer.from(bytes).toString('base64url')
  return new CompactEncrypt(bytes).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(keyOf(secret))
}

async function open(kept: string, secret: string | undefined): Promise<Uint8Array> {
  if (kept.startsWith(PLAIN)) return Buffer.from(kept.slice(PLAIN.length), 'base64url')
  if (secret === undefined)
    throw new Error('SECRET must be set: the signing keys of this database are encrypted with it')
  try {
    return (await compactDecrypt(kept, keyOf(secret))).plaintext
  } catch (cause) {
    throw new Error('SECRET is not the one that the signing keys of this database are encrypted with', {
      cause,
    })
  }
}

/** `SECRET` is a text of any length; a key of AES-256 has 32 bytes. */
const keyOf = (secret: string): Uint8Array => hash('sha256', secret, 'buffer')
