import type { Config } from '../config/index.ts'
import { AppError } from '../errors.ts'
import { type Access, type Caller, EVERYBODY, mayDo, NOBODY } from './caller.ts'
import type { AccessControl } from './index.ts'
import { readSession } from './session.ts'

/** What a request brings to open an endpoint. */
export type Presented = {
  /** The path of the application, without the query. */
  path: string
  query: Readonly<Record<string, unknown>>
  headers: Readonly<Record<string, string | string[] | undefined>>
}

/** What an endpoint requires: a scope, and whether a signed link opens it too. */
type Requirement = { access: Access; link?: true | undefined }

type AccessApp = { access: AccessControl; config: Config }

/**
 * Finds out who calls, and counts the call; `isKnown`: that costs no query, since this process knows the credential. Throws
 * `rate-limited`.
 */
export type LimitRate = (
  identify: () => Promise<Caller | undefined>,
  isKnown: boolean,
) => Promise<Caller | undefined>

/**
 * Who sends a request, once they may do what it wants. Throws `unauthorized` without a valid credential, `forbidden` where
 * its scopes do not reach, and what `limitRate` and a bad link throw.
 */
export async function authorize(
  app: AccessApp,
  { access, link }: Requirement,
  presented: Presented,
  limitRate: LimitRate,
): Promise<Caller> {
  if (app.config.auth === 'none') return EVERYBODY
  const opened = link ? await opensFile(app, presented).catch(asRefusal) : undefined
  if (typeof opened === 'number') return { scopes: ['read'], projects: '*', until: opened }
  if (access === 'public') return NOBODY
  const { headers } = presented
  // Who sends no credential costs no query, and is not counted among those who try some.
  const isTrying = headers.authorization !== undefined || readSession(headers.cookie) !== undefined
  const caller = isTrying ? await limitRate(() => identify(app, headers), isKnown(app, headers)) : undefined
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
async function identify(app: AccessApp, headers: Presented['headers']): Promise<Caller | undefined> {
  const { authorization, cookie } = headers
  if (authorization !== undefined) {
    const text = readBearer(authorization)
    return text === undefined ? undefined : identifyText(app, text)
  }
  const session = readSession(cookie)
  return session === undefined ? undefined : app.access.tokens.identify('session', session)
}

/** Whether this process knows the credential of a request: that of a stranger it would look up. */
function isKnown(app: AccessApp, { authorization, cookie }: Presented['headers']): boolean {
  if (authorization !== undefined) return isKnownText(app, readBearer(authorization) ?? '')
  return app.access.tokens.isKnown('session', readSession(cookie) ?? '')
}

export const isKnownText = ({ access }: AccessApp, text: string): boolean =>
  access.keys.isKnown(text) || access.tokens.isKnown('token', text)

const readBearer = (authorization: string | string[]): string | undefined =>
  typeof authorization === 'string' ? /^Bearer ([!-~]{1,4096})$/i.exec(authorization)?.[1] : undefined

/** Who a key or a token belongs to; where access is open, whatever it is. */
export async function identifyText({ access, config }: AccessApp, text: string): Promise<Caller | undefined> {
  if (config.auth === 'none') return EVERYBODY
  return text.startsWith('pp_') ? access.keys.identify(text) : access.tokens.identify('token', text)
}

/** The path of a rendition, as it is handed out: one that is encoded in another way may be an original. */
const RENDITION = /^\/files\/(?!originals\/)[\w./-]+$/

/** Until when a file is open without a credential: by its signature, or because renditions are public. */
async function opensFile(
  { access, config }: AccessApp,
  { path, query }: Presented,
): Promise<number | undefined> {
  if (config.publicFiles && RENDITION.test(path)) return Number.POSITIVE_INFINITY
  return access.links.verify(path, query)
}

export const unauthorized = () =>
  new AppError('unauthorized', 'Send a key or a token: Authorization: Bearer …')
