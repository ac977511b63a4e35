import { isIPv6 } from 'node:net'

type Given = Readonly<Record<string, string | undefined>>

/**
 * What the five original services, or an earlier version, call a variable, and what it is called here. The first that is
 * set wins; the service's own name wins over all of them.
 */
const ALIASES: readonly (readonly [alias: string, variable: string, convert?: (text: string) => string])[] = [
  ['PG_CONNECTION_URI', 'DATABASE_URL'],
  ['THUMBFORGE_DATABASE_URL', 'DATABASE_URL', fromSqlAlchemy],
  ['AMQP_URI', 'RABBITMQ_URL'],
  ['AWS_ENDPOIN_URL', 'AWS_ENDPOINT_URL'],
  ['THUMBFORGE_REDIS_URL', 'REDIS_URL'],
  ['THUMBFORGE_STORAGE_PATH', 'STORAGE_DIR'],
  ['THUMBFORGE_QUEUE_NAME', 'QUEUE_NAME'],
  ['THUMBFORGE_DUPLICATE_HANDLING', 'DUPLICATE_HANDLING'],
  ['THUMBFORGE_THUMBNAIL_SIZE', 'THUMBNAIL_SIZE'],
  ['METRICS_PORT', 'HEALTH_PORT'],
]

/** The service's own variables that the aliases in `given` stand for; those of a variable that is set are not read. */
export function aliases(given: Given): Record<string, string> {
  const found: Record<string, string> = {}
  const database = given.DATABASE_URL === undefined ? databaseOf(given) : {}
  for (const [variable, value] of [...Object.entries(database), ...renamed(given)]) {
    found[variable] ??= value
  }
  return found
}

function* renamed(given: Given): Generator<[string, string]> {
  for (const [alias, variable, convert] of ALIASES) {
    const value = given[alias]
    if (value !== undefined && given[variable] === undefined)
      yield [variable, convert ? convert(value) : value]
  }
}

/** `DB_TYPE=sqlite|postgres`, with `POSTGRES_SERVER|PORT|DB|USER|PASSWORD` for the latter. */
function databaseOf(given: Given): { DATABASE_URL?: string } {
  const type = given.DB_TYPE?.trim()
  if (type === 'sqlite') return { DATABASE_URL: 'sqlite:data/photos.db' }
  if (type !== undefined && type !== 'postgres') throw new Error('DB_TYPE must be sqlite or postgres')
  if (type === undefined && given.POSTGRES_SERVER === undefined) return {}
  const uri = new URL('postgres://localhost')
  set(
    uri,
    'hostname',
    given.POSTGRES_SERVER ?? 'localhost',
    'POSTGRES_SERVER must be a host name or an IP address',
  )
  set(uri, 'port', given.POSTGRES_PORT ?? '5432', 'POSTGRES_PORT must be a whole number from 0 to 65535')
  uri.username = encodeURIComponent(given.POSTGRES_USER ?? 'postgres')
  uri.password = encodeURIComponent(given.POSTGRES_PASSWORD ?? '')
  uri.pathname = `/${encodeURIComponent(given.POSTGRES_DB ?? 'postgres')}`
  return { DATABASE_URL: uri.href }
}

/** Sets a part of a URL, which ignores what does not fit. */
function set(uri: URL, part: 'hostname' | 'port', text: string, complaint: string): void {
  const value = part === 'hostname' && isIPv6(text) ? `[${text}]` : text.trim()
  uri[part] = value
  if (uri[part] !== value.toLowerCase()) throw new Error(complaint)
}

/** `postgresql+asyncpg://…` is `postgresql://…`; `sqlite+aiosqlite:///./x.db` is `sqlite:./x.db`. */
function fromSqlAlchemy(dsn: string): string {
  return dsn.replace(/^([a-z]+)\+[a-z0-9]+:/, '$1:').replace(/^sqlite:\/\/\//, 'sqlite:')
}
