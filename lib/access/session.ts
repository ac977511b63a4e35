import { parseCookie, stringifySetCookie } from 'cookie'
import type { Config } from '../config/index.ts'

/** The cookie of who signed in on the page. */
const NAME = 'session'

/** The header that sets the cookie until a time, in ms since 1970, or removes it with one that is past. */
export const sessionCookie = (
  { publicUrl }: Pick<Config, 'publicUrl'>,
  token: string,
  until: number,
): string =>
  stringifySetCookie({
    name: NAME,
    value: token,
    httpOnly: true,
    sameSite: 'strict',
    secure: publicUrl.startsWith('https:'),
    path: '/',
    expires: new Date(until),
  })

/** The session of a request's cookies. */
export const readSession = (cookies: string | string[] | undefined): string | undefined =>
  typeof cookies === 'string' ? parseCookie(cookies)[NAME] : undefined
