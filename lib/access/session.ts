import { parseCookie, stringifySetCookie } from 'cookie'
import type { Config } from '../config/index.ts'

/** How long a session lasts, in ms, unless its key ends before. */
export const SESSION_MS = 12 * 3_600_000

/** The cookie of who signed in on the page. */
export const SESSION_COOKIE = 'session'

/** The header that sets the cookie until a time, in ms since 1970, or removes it with one that is past. */
export const sessionCookie = (
  { publicUrl }: Pick<Config, 'publicUrl'>,
  token: string,
  until: number,
): string =>
  stringifySetCookie({
    name: SESSION_COOKIE,
    value: token,
    httpOnly: true,
    sameSite: 'strict',
    secure: publicUrl.startsWith('https:'),
    path: '/',
    expires: new Date(until),
  })

/** The session of a request's cookies. */
export const readSession = (cookies: string | string[] | undefined): string | undefined =>
  typeof cookies === 'string' ? parseCookie(cookies)[SESSION_COOKIE] : undefined
