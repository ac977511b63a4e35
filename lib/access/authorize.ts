import type { Config } from '../config/index.ts'
import { AppError } from '../errors.ts'
import { type Access, type Caller, EVERYBODY, mayDo, NOBODY } from './caller.ts'
import type { AccessControl } from './index.ts'
import { readSession } from './session.ts'

/** What a request brings to open an endpoint. */
export type Knock = {
  /** The path of the application, without the query. */
  path: string
  query: Readonly<Record<string, unknown>>
  headers: Readonly<Record<string, string | string[] | undefined>>
}

/** What an endpoint wants: a scope, and whether a signed link opens it too. */
export type Door = { access: Access; link?: true | undefined }

type Having = { access: AccessControl; config: Config }

/**
 * Finds out who calls, and counts the call; `isMet`: that costs no query, since this process knows the credential. Throws
 * `rate-limited`.
 */
export type Meet = (
  identify: () => Promise<Caller | undefined>,
  isMet: boolean,
) => Promise<Caller | undefined>

/**
 * Who sends a request, once they may do what it wants. Throws `unauthorized` without a credential that holds, `forbidden` where
 * its scopes do not reach, and what `meet` and a bad link throw.
 */
export async function authorize(
  app: Having,
  { access, link }: Door,
  knock: Knock,
  meet: Meet,
): Promise<Caller> {
  if (app.config.auth === 'none') return EVERYBODY
  const opened = link ? await opensFile(app, knock).catch(asRefusal) : undefined
  if (typeof opened === 'number') return { scopes: ['read'], projects: '*', until: opened }
  if (access === 'public') return NOBODY
  const caller = await meet(() => identify(app, knock.headers), isMet(app, knock.headers))
  // A link that has ended does not matter to who has a key.
  if (!caller) throw opened ?? unauthorized()
  if (!mayDo(caller, access)) throw new AppError('forbidden', `The credential lacks the scope "${access}"`)
  return caller
}

function asRefusal(error: unknown): AppError {
  if (error instanceof AppError) return error
  throw error
}

/** Who sends a request: by its key or token, else by the cookie of the page. */
export async function identify(app: Having, headers: Knock['headers']): Promise<Caller | undefined> {
  const { authorization, cookie } = headers
  if (authorization !== undefined) {
    const text = readBearer(authorization)
    return text === undefined ? undefined : identifyText(app, text)
  }
  const session = readSession(cookie)
  return session === undefined ? undefined : app.access.tokens.identify('session', session)
}

/** Whether this process knows the credential of a request: that of a stranger it would look up. */
function isMet(app: Having, { authorization, cookie }: Knock['headers']): boolean {
  if (authorization !== undefined) return isMetText(app, readBearer(authorization) ?? '')
  return app.access.tokens.isMet('session', readSession(cookie) ?? '')
}

export const isMetText = ({ access }: Having, text: string): boolean =>
  access.keys.isMet(text) || access.tokens.isMet('token', text)

const readBearer = (authorization: string | string[]): string | undefined =>
  typeof authorization === 'string' ? /^Bearer ([!-~]{1,4096})$/i.exec(authorization)?.[1] : undefined

/** Who a key or a token belongs to; where access is open, whatever it is. */
export async function identifyText({ access, config }: Having, text: string): Promise<Caller | undefined> {
  if (config.auth === 'none') return EVERYBODY
  return text.startsWith('pp_') ? access.keys.identify(text) : access.tokens.identify('token', text)
}

/** The path of a rendition, as it is handed out: one that is encoded in another way may be an original. */
const RENDITION = /^\/files\/(?!originals\/)[\w./-]+$/

/** Until when a file is open without a credential: by its signature, or because renditions are public. */
async function opensFile({ access, config }: Having, { path, query }: Knock): Promise<number | undefined> {
  if (config.publicFiles && RENDITION.test(path)) return Number.POSITIVE_INFINITY
  return access.links.verify(path, query)
}

export const unauthorized = () =>
  new AppError('unauthorized', 'Send a key or a token: Authorization: Bearer …')
