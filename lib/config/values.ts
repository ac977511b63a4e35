import { isIP } from 'node:net'
import proxyAddr from '@fastify/proxy-addr'
import { parseAllowed } from '../download/address.ts'

/** Environment variables that are set. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Ends the start with one line that names the variable. */
export function wrong(variable: string, what: string): never {
  throw new Error(`${variable} ${what}`)
}

export function integer(
  env: Environment,
  variable: string,
  fallback: number,
  least: number,
  most: number,
): number {
  const text = env[variable]
  if (text === undefined) return fallback
  const value = /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most)) wrong(variable, `must be a whole number from ${least} to ${most}`)
  return value
}

const DAY_MS = 86_400_000

/** Whole days, from 1 to 100 years, in ms. */
export const days = (env: Environment, variable: string, fallback: number) =>
  integer(env, variable, fallback, 1, 36_525) * DAY_MS

export function url(env: Environment, variable: string, protocols: string[]): string | undefined {
  const text = env[variable]?.trim()
  if (text === undefined) return undefined
  const fits = URL.canParse(text) && protocols.includes(new URL(text).protocol)
  if (!fits) wrong(variable, `must be a URL that begins with ${protocols.join(' or ')}`)
  return text
}

export function hostname(env: Environment, variable: string, fallback: string): string {
  const text = env[variable]?.trim() ?? fallback
  const fits = isIP(text) !== 0 || /^[a-z0-9]([a-z0-9.-]{0,252})$/i.test(text)
  return fits ? text : wrong(variable, 'must be a host name or an IP address')
}

export function origins(env: Environment, variable: string): readonly string[] {
  const found = list(env[variable])
  const fit = found.every((text) => URL.canParse(text) && new URL(text).origin === text)
  return fit ? found : wrong(variable, 'must be a list of origins such as https://example.com')
}

export function database(env: Environment, variable: string, fallback: string): string {
  const found = url(env, variable, ['sqlite:', 'postgres:', 'postgresql:']) ?? fallback
  return /^sqlite:(:memory:)?$/.test(found) ? wrong(variable, 'must name a file after sqlite:') : found
}

export function name(env: Environment, variable: string, fallback: string): string {
  const text = env[variable]?.trim() ?? fallback
  if (!/^[\w.:-]{1,200}$/.test(text))
    wrong(variable, 'must be 1 to 200 letters, digits, dots, colons or dashes')
  return text
}

/** What may be sent as a header. */
export function printable(env: Environment, variable: string, fallback: string): string {
  const text = env[variable]?.trim() ?? fallback
  return /^[\x20-\x7e]{1,256}$/.test(text) ? text : wrong(variable, 'must be 1 to 256 characters of ASCII')
}

export function oneOf<T extends string>(
  env: Environment,
  variable: string,
  values: readonly T[],
  fallback: T,
): T {
  const text = env[variable]?.trim() ?? fallback
  const value = values.find((candidate) => candidate === text)
  return value ?? wrong(variable, `must be one of ${values.join(', ')}`)
}

export function cidrs(env: Environment, variable: string): readonly string[] {
  const ranges = list(env[variable])
  try {
    parseAllowed(ranges)
  } catch (error) {
    wrong(
      variable,
      `must be a list of CIDR ranges, addresses and names with ports: ${(error as Error).message}`,
    )
  }
  return ranges
}

/** Addresses and ranges, or the names of ranges that Fastify takes. */
export function proxies(env: Environment, variable: string): readonly string[] {
  const found = list(env[variable])
  try {
    if (found.length > 0) proxyAddr.compile([...found])
  } catch (error) {
    wrong(variable, `must be a list of addresses and ranges: ${(error as Error).message}`)
  }
  return found
}

export function list(text: string | undefined): readonly string[] {
  return Object.freeze((text ?? '').split(/[\s,]+/).filter(Boolean))
}

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: DAY_MS }

/** A whole number with its unit, such as `24h`, in ms; between a second and `most`. */
export function duration(env: Environment, variable: string, fallback: number, most: number): number {
  const text = env[variable]?.trim()
  if (text === undefined) return fallback
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const ms = Number(count) * (UNITS_MS[unit as keyof typeof UNITS_MS] ?? Number.NaN)
  return ms >= 1_000 && ms <= most ? ms : wrong(variable, 'must be a duration such as 90s, 30m, 24h or 7d')
}
