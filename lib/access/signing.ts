import { hash, randomBytes } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import type { Config } from '../config/index.ts'
import { type Db, nowPlus } from '../db/port.ts'

/** A secret that links, tokens and sessions are signed with; `kid` names it in them. */
export type SigningKey = { kid: string; secret: Uint8Array }

/** The signing keys of the database, the same for all processes; made by whoever needs the first. */
export type Signing = {
  /** The key that signs now. */
  current(): Promise<SigningKey>
  /** A key by its name; undefined where there is none. */
  find(kid: string): Promise<SigningKey | undefined>
}

/** How long a process trusts what it has read, in ms: after that it hears of a rotation. */
const TRUST_MS = 5_000

export function openSigning(db: Db, { secret }: Pick<Config, 'secret'>): Signing {
  let known: { at: number; keys: Promise<SigningKey[]> } | undefined

  function load(): Promise<SigningKey[]> {
    if (known && known.at > performance.now() - TRUST_MS) return known.keys
    const before = known?.keys
    // What was read before goes on signing while the database is away.
    const keys = readKeys(db, secret).catch((error) => before ?? Promise.reject(error))
    const read = { at: performance.now(), keys }
    known = read
    keys.catch(() => {
      if (known === read) known = undefined
    })
    return keys
  }

  return {
    async current() {
      const [newest] = await load()
      return newest ?? Promise.reject(new Error('The database has no signing key'))
    },
    find: async (kid) => (await load()).find((key) => key.kid === kid),
  }
}

/** Makes the key that signs from now on; those before it go on verifying for so many ms after they were replaced. */
export async function rotateSigningKey(
  db: Db,
  { secret }: Pick<Config, 'secret'>,
  keepMs: number,
): Promise<string> {
  const kid = await addKey(db, secret)
  const rows = await selectRows(db)
  const old = Date.now() - keepMs
  // A key was replaced when the one before it in this list, the newer, was made.
  const ended = rows.filter((_, i) => i > 0 && Date.parse(rows[i - 1]?.created_at ?? '') <= old)
  for (const row of ended) await db.deleteFrom('signing_keys').where('kid', '=', row.kid).execute()
  return kid
}

async function readKeys(db: Db, secret: string | undefined): Promise<SigningKey[]> {
  if ((await selectRows(db)).length === 0) await addKey(db, secret)
  const rows = await selectRows(db)
  return Promise.all(rows.map(async ({ kid, secret: kept }) => ({ kid, secret: await open(kept, secret) })))
}

/** The newest first. */
const selectRows = (db: Db) =>
  db.selectFrom('signing_keys').selectAll().orderBy('created_at', 'desc').orderBy('kid', 'desc').execute()

async function addKey(db: Db, secret: string | undefined): Promise<string> {
  const kid = randomBytes(6).toString('hex')
  const kept = await seal(randomBytes(32), secret)
  await db.insertInto('signing_keys').values({ kid, secret: kept, created_at: nowPlus() }).execute()
  return kid
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
  const { plaintext } = await compactDecrypt(kept, keyOf(secret))
  return plaintext
}

/** `SECRET` is a text of any length; a key of AES-256 has 32 bytes. */
const keyOf = (secret: string): Uint8Array => hash('sha256', secret, 'buffer')
