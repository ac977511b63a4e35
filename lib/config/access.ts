import { isBundled } from '../bundled.ts'
import { parseKey } from '../key-text.ts'
import { isLoopbackHost } from '../loopback.ts'
import { duration, type Environment, integer, list, oneOf, wrong } from './values.ts'

const HOUR_MS = 3_600_000

/** Who may call: a service that only its own machine reaches needs no keys, any other does unless told otherwise. */
export function access(env: Environment, host: string, publicUrl: string) {
  const isLocal = !isBundled && isLoopbackHost(host) && isLoopbackHost(new URL(publicUrl).hostname)
  return {
    auth: oneOf(env, 'AUTH', ['keys', 'none'], isLocal ? 'none' : 'keys'),
    /** Whether `auth` was set, rather than concluded. */
    isAuthSet: env.AUTH !== undefined,
    /** A key of scope `admin` for all projects that is always valid. */
    adminKey: key(env, 'ADMIN_KEY'),
    /** Encrypts the signing keys in the database. */
    secret: secret(env, 'SECRET'),
    /** How long a signed link to a file opens it at least. */
    linkTtlMs: duration(env, 'LINK_TTL', 24 * HOUR_MS, 365 * 24 * HOUR_MS),
    /** Whether renditions are open to everybody. */
    publicFiles: oneOf(env, 'PUBLIC_FILES', ['true', 'false'], 'false') === 'true',
    /** Names besides those of `PUBLIC_URL` and loopback that browsers may call the service by. */
    allowedHosts: hosts(env, 'ALLOWED_HOSTS'),
    /** Requests a minute of a key that has no limit of its own. */
    rateLimit: integer(env, 'RATE_LIMIT', 1_200, 1, 1_000_000),
    /** What a project may add where it has no quotas of its own; null: without end. */
    quotas: Object.freeze({
      photosPerDay: quota(env, 'QUOTA_PHOTOS_PER_DAY'),
      bytesPerDay: quota(env, 'QUOTA_BYTES_PER_DAY'),
      waiting: quota(env, 'QUOTA_WAITING'),
    }),
  }
}

const quota = (env: Environment, variable: string): number | null =>
  env[variable] === undefined ? null : integer(env, variable, 0, 0, Number.MAX_SAFE_INTEGER)

function key(env: Environment, variable: string): string | undefined {
  const text = env[variable]?.trim()
  if (text !== undefined && !parseKey(text))
    wrong(variable, 'must be pp_<id>_<secret>: letters and digits, and 32 bytes in base64url')
  return text
}

function secret(env: Environment, variable: string): string | undefined {
  const text = env[variable]?.trim()
  return text === undefined || text.length >= 32 ? text : wrong(variable, 'must have at least 32 characters')
}

/** Host names, or addresses; without ports. */
function hosts(env: Environment, variable: string): readonly string[] {
  const names = list(env[variable]).map((name) => name.toLowerCase())
  const fit = names.every(
    (name) => URL.canParse(`http://${name}`) && new URL(`http://${name}`).hostname === name,
  )
  return fit ? Object.freeze(names) : wrong(variable, 'must be a list of host names without ports')
}
