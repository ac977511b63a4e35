import { hash, randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'
import { parseCursor } from '../cursor.ts'
import { type Db, nowPlus } from '../db/port.ts'
import type { ApiKeysTable } from '../db/tables/access.ts'
import { notFound } from '../errors.ts'
import { inUtc } from '../time.ts'
import type { Projects, Scope } from './caller.ts'

export type KeyRow = Selectable<ApiKeysTable>

/** What a new key may do; `expiresAt` and the limit (requests a minute) where it has its own. */
export type NewKey = {
  name: string
  scopes: readonly Scope[]
  projects: Projects
  expiresAt?: string | undefined
  rateLimit?: number | undefined
}

/** A key as it is listed: everything but its secret. */
export type ShownKey = ReturnType<typeof showKey>

/** SHA-256 in hex: the secret is random, so that no slow hash is needed. */
export const hashSecret = (secret: string): string => hash('sha256', secret, 'hex')

const randomSecret = () => randomBytes(32).toString('base64url')

/** Makes a key; its text is not kept, and cannot be shown again. */
export async function createKey(db: Db, key: NewKey): Promise<{ text: string; key: ShownKey }> {
  const id = randomBytes(8).toString('hex')
  const secret = randomSecret()
  const row = await db
    .insertInto('api_keys')
    .values({
      id,
      name: key.name,
      secret_hash: hashSecret(secret),
      scopes: JSON.stringify(key.scopes),
      projects: JSON.stringify(key.projects),
      expires_at: key.expiresAt === undefined ? null : inUtc(key.expiresAt),
      rate_limit: key.rateLimit ?? null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { text: `pp_${id}_${secret}`, key: showKey(row) }
}

/** All keys, or those behind a cursor, the newest first, revoked ones too. */
export async function listKeys(db: Db, after?: string): Promise<ShownKey[]> {
  const from = after === undefined ? undefined : parseCursor(after, (id) => /^[\da-z]+$/i.exec(id)?.[0])
  const rows = await db
    .selectFrom('api_keys')
    .selectAll()
    .$if(from !== undefined, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('created_at', 'id'), '<', tuple(from?.created_at ?? '', from?.id ?? '')),
      ),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
  return rows.map(showKey)
}

/** Gives a key another secret; the one before holds for so many ms more. Throws `not-found`. */
export async function rollKey(db: Db, id: string, graceMs: number): Promise<{ text: string; key: ShownKey }> {
  const secret = randomSecret()
  const row = await db
    .updateTable('api_keys')
    .set(({ ref }) => ({
      previous_hash: ref('secret_hash'),
      previous_until: nowPlus(graceMs),
      secret_hash: hashSecret(secret),
    }))
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returningAll()
    .executeTakeFirst()
  if (!row) throw notFound('Key')
  return { text: `pp_${id}_${secret}`, key: showKey(row) }
}

/** Ends a key, with its tokens and sessions. Throws `not-found`. */
export async function revokeKey(db: Db, id: string): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('api_keys')
    .set(({ fn, ref }) => ({ revoked_at: fn.coalesce(ref('revoked_at'), nowPlus()) }))
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) throw notFound('Key')
}

export const findKey = (db: Db, id: string): Promise<KeyRow | undefined> =>
  db.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirst()

/** Notes at most once a minute that a key is used; a database that cannot be written does not matter. */
export async function noteUse(db: Db, id: string): Promise<void> {
  await db
    .updateTable('api_keys')
    .set({ last_used_at: nowPlus() })
    .where('id', '=', id)
    .where(({ eb, or }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<', nowPlus(-60_000))]))
    .execute()
    .catch(() => {})
}

/** Whether there is a key that can be used, whatever it may do. */
export const hasKeys = async (db: Db): Promise<boolean> =>
  (await db
    .selectFrom('api_keys')
    .select('id')
    .where('revoked_at', 'is', null)
    .where(({ eb, or }) => or([eb('expires_at', 'is', null), eb('expires_at', '>', nowPlus())]))
    .limit(1)
    .executeTakeFirst()) !== undefined

export const scopesOf = ({ scopes }: Pick<KeyRow, 'scopes'>) => JSON.parse(scopes) as Scope[]
export const projectsOf = ({ projects }: Pick<KeyRow, 'projects'>) => JSON.parse(projects) as '*' | number[]

function showKey(row: KeyRow) {
  const { id, name, rate_limit, created_at, expires_at, revoked_at, last_used_at } = row
  return {
    id,
    name,
    scopes: scopesOf(row),
    projects: projectsOf(row),
    rate_limit,
    created_at,
    expires_at,
    revoked_at,
    last_used_at,
  }
}
