import { randomBytes } from 'node:crypto'
import type { Projects, Scope } from '../../lib/access/caller.ts'
import { createKey, hashSecret, revokeKey, rollKey } from '../../lib/access/keys.ts'
import { openLinks, type Sign } from '../../lib/access/links.ts'
import { openSigning } from '../../lib/access/signing.ts'
import type { App } from '../../lib/app.ts'
import { nowPlus } from '../../lib/db/port.ts'
import type { Environment } from '../support/app.ts'

export const HOUR_MS = 3_600_000

export const randomSecret = () => randomBytes(32).toString('base64url')

export const ADMIN_KEY = `pp_root_${randomSecret()}`

/** The environment of a service that wants keys. */
export const WITH_KEYS: Environment = { AUTH: 'keys', ADMIN_KEY }

export const bearer = (text: string) => ({ authorization: `Bearer ${text}` })

/** What a request may carry; without `scopes` it is not valid. */
export type Credential = {
  name: string
  headers?: Record<string, string>
  scopes?: readonly Scope[]
  projects?: Projects
  /** A query that signs a path below `/files/`, and whether it opens that. */
  link?: { sign: (path: string) => string; opens: boolean }
}

/** The text of a new key; scopes are `read` and `write`, the project 1, unless told. */
export const makeKey = async (
  { db }: Pick<App, 'db'>,
  projects: Projects = [1],
  scopes: readonly Scope[] = ['read', 'write'],
  more: { expiresAt?: string } = {},
): Promise<string> => (await createKey(db, { name: 'key', scopes, projects, ...more })).text

/** What a token carries of the secret of a key. */
export const printOf = (key: string): string => hashSecret(key.slice(-43)).slice(0, 16)

export const idOf = (key: string) => key.split('_')[1] ?? ''

/** Every kind of credential, good and bad, for what belongs to project 1. */
export async function makeCredentials(app: App): Promise<Credential[]> {
  const key = (name: string, text: string, holding: Partial<Credential> = {}): Credential => ({
    name,
    headers: bearer(text),
    ...holding,
  })
  const [full, read, write] = [
    await makeKey(app),
    await makeKey(app, [1], ['read']),
    await makeKey(app, [1], ['write']),
  ]
  const ended = await makeKey(app, [1], ['read', 'write'], { expiresAt: new Date(0).toISOString() })
  const revoked = await makeKey(app)
  const [caller, revokedCaller] = [
    await app.access.keys.identify(full),
    await app.access.keys.identify(revoked),
  ]
  if (!caller || !revokedCaller) throw new Error('There is no such key')
  const token = async (by: typeof caller, ttlMs: number, scopes: readonly Scope[] = ['read', 'write']) =>
    (await app.access.tokens.issue('token', by, { scopes, projects: [1] }, ttlMs)).token
  const session = await app.access.tokens.issue('session', caller, caller, HOUR_MS)
  const ofRevoked = await token(revokedCaller, HOUR_MS)
  await revokeKey(app.db, idOf(revoked))
  app.access.keys.forget(idOf(revoked))
  const [lenient, strict] = [await makeKey(app), await makeKey(app)]
  const { text: next } = await rollKey(app.db, idOf(lenient), HOUR_MS)
  await rollKey(app.db, idOf(strict), 0)
  // A roll without grace ends the secret at that moment, by the clock of the database.
  await app.db
    .updateTable('api_keys')
    .set({ previous_until: nowPlus(-1000) })
    .where('id', '=', idOf(strict))
    .execute()
  const both = { scopes: ['read', 'write'], projects: [1] } as const
  const admin = ['admin'] as const
  return [
    { name: 'none' },
    key('a malformed key', 'pp_nonsense'),
    { name: 'another scheme', headers: { authorization: `Basic ${Buffer.from(full).toString('base64')}` } },
    key('an unknown key', `pp_unknown_${randomSecret()}`),
    key('a wrong secret', `pp_${idOf(full)}_${randomSecret()}`),
    key('a key', full, both),
    key('a key of another project', await makeKey(app, [2]), { ...both, projects: [2] }),
    key('a key that reads', read, { ...both, scopes: ['read'] }),
    key('a key that writes', write, { ...both, scopes: ['write'] }),
    key('an admin of the project', await makeKey(app, [1], admin), { scopes: admin, projects: [1] }),
    key('an admin of another project', await makeKey(app, [2], admin), { scopes: admin, projects: [2] }),
    key('an expired key', ended),
    key('a revoked key', revoked),
    key('the old secret of a roll with grace', lenient, both),
    key('the new secret of a roll', next, both),
    key('the old secret of a roll without grace', strict),
    key('ADMIN_KEY', ADMIN_KEY, { scopes: admin, projects: '*' }),
    key('ADMIN_KEY with another secret', `pp_root_${randomSecret()}`),
    key('a token', await token(caller, HOUR_MS), both),
    key('a token that reads', await token(caller, HOUR_MS, ['read']), { ...both, scopes: ['read'] }),
    key('an expired token', await token(caller, -10_000)),
    key('a token of a revoked key', ofRevoked),
    key('a session as a token', session.token),
    { name: 'a session', headers: { cookie: `session=${session.token}` }, ...both },
    { name: 'a token as a session', headers: { cookie: `session=${await token(caller, HOUR_MS)}` } },
    ...(await makeLinks(app)),
  ]
}

async function makeLinks(app: App): Promise<Credential[]> {
  const sign = await app.access.links.signer()
  const expired = await openLinks(openSigning(app.db, app.config), {
    auth: 'keys',
    linkTtlMs: -2 * HOUR_MS,
  }).signer()
  const query = (sign: Sign, path: string) => sign(path).split('?')[1] ?? ''
  return [
    { name: 'a signed link', link: { sign: (path) => query(sign, path), opens: true } },
    { name: 'the link of another path', link: { sign: (path) => query(sign, `${path}x`), opens: false } },
    { name: 'an expired link', link: { sign: (path) => query(expired, path), opens: false } },
    {
      name: 'a link that was changed to last longer',
      link: { sign: (path) => query(expired, path).replace(/exp=\d+/, 'exp=99999999999'), opens: false },
    },
  ]
}
