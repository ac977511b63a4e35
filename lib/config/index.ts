import { availableParallelism } from 'node:os'
import path from 'node:path'
import { parseSourceUrl } from '../download/source-url.ts'
import { processMemory } from '../process-memory.ts'
import { access } from './access.ts'
import { aliases } from './aliases.ts'
import {
  cidrs,
  database,
  days,
  type Environment,
  hostname,
  integer,
  list,
  name,
  oneOf,
  origins,
  printable,
  proxies,
  url,
  wrong,
} from './values.ts'

/** What the v1 door does with a URL that it has had before. */
export const DUPLICATE_HANDLING = ['allow-retry', 'reuse-completed', 'reject-active'] as const

/** `digits`: a directory for each ending of a uuid; `flat`: none. */
export const THUMBS_LAYOUTS = ['digits', 'flat'] as const
export type ThumbsLayout = (typeof THUMBS_LAYOUTS)[number]

/** The default of `QUEUE_NAME`. */
export const DEFAULT_QUEUE_NAME = 'photo-processor'

/** The default of `RENDER_MEMORY`, as a share of the memory that the process may use. */
const RENDER_SHARE = 0.6

/** What the service runs on: read once at the start, validated, frozen. */
export type Config = Readonly<ReturnType<typeof read>>

/** Reads the configuration from environment variables; throws one line that names the variable that is wrong. */
export function readConfig(environment: Environment): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value?.trim()))
  return Object.freeze(read({ ...aliases(given), ...given }))
}

function read(env: Environment) {
  const host = hostname(env, 'HOST', '127.0.0.1')
  const port = integer(env, 'PORT', 3000, 0, 65_535)
  const workerThreads = integer(env, 'WORKER_THREADS', availableParallelism(), 0, 256)
  const downloads = integer(env, 'DOWNLOADS', 32, 1, 1000)
  const sourceAllowCidrs = cidrs(env, 'SOURCE_ALLOW_CIDRS')
  const storageDir = path.resolve(env.STORAGE_DIR ?? 'data/files')
  const publicUrl = url(env, 'PUBLIC_URL', ['http:', 'https:']) ?? `http://${reachable(host)}:${port}`
  return {
    host,
    port,
    /** Base of the URLs handed out, without a trailing slash. */
    publicUrl: publicUrl.replace(/\/+$/, ''),
    corsOrigins: origins(env, 'CORS_ORIGINS'),
    ...access(env, host, publicUrl),
    /** Proxies whose `X-Forwarded-*` headers count: addresses, ranges, or `loopback`, `linklocal`, `uniquelocal`. */
    trustProxy: proxies(env, 'TRUST_PROXY'),
    /** Connections of a process that serves HTTP. */
    maxConnections: integer(env, 'MAX_CONNECTIONS', 10_000, 1, 1_000_000),
    /** How long the process, told to stop, still takes requests: until balancers see that it is not ready. */
    drainMs: integer(env, 'DRAIN_MS', 0, 0, 3_600_000),
    /** Where each process serves `/livez`, `/readyz` and `/metrics`, besides the api; 0: nowhere. */
    healthPort: integer(env, 'HEALTH_PORT', 0, 0, 65_535),
    databaseUrl: database(env, 'DATABASE_URL', 'sqlite:data/photos.db'),
    /** Undefined: the queue lives in this process. */
    rabbitmqUrl: url(env, 'RABBITMQ_URL', ['amqp:', 'amqps:']),
    queueName: name(env, 'QUEUE_NAME', DEFAULT_QUEUE_NAME),
    /** Whether queues and exchanges that the broker lacks are declared, or only looked for. */
    topology: oneOf(env, 'TOPOLOGY', ['auto', 'check'], 'auto'),
    /** Messages of one project, or of one door where there is none, that are in the queue at a time. */
    queueWindow: integer(env, 'QUEUE_WINDOW', 10_000, 1, 1_000_000),
    /** Photos a worker holds at once: as many as download and wait for it, and what keeps the renderers busy. */
    prefetch: integer(env, 'PREFETCH', 2 * downloads + 2 * workerThreads + 2, 1, 10_000),
    /** Undefined: images are cached in this process. */
    redisUrl: url(env, 'REDIS_URL', ['redis:', 'rediss:']),
    storageDir,
    thumbsDir: path.resolve(env.THUMBS_DIR ?? path.join(storageDir, 'thumbs')),
    /** How renditions lie below their root: see `renditionPath`. */
    thumbsLayout: oneOf(env, 'THUMBS_LAYOUT', THUMBS_LAYOUTS, 'digits'),
    s3: s3(env),
    workerThreads,
    sourceAllowCidrs,
    downloads,
    /** Of one host and port; half of `downloads` while no other host waits. */
    downloadsPerHost: integer(env, 'DOWNLOADS_PER_HOST', 4, 1, 1000),
    /** Bytes of downloaded sources in memory, from the download to the end of the render. */
    downloadMemory: integer(env, 'DOWNLOAD_MEMORY', 256 * 1024 * 1024, 1, 2 ** 40),
    maxSourceBytes: integer(env, 'MAX_SOURCE_BYTES', 50 * 1024 * 1024, 1, 2 ** 31),
    maxSourcePixels: integer(env, 'MAX_SOURCE_PIXELS', 50_000_000, 1, 1_000_000_000),
    /** Bytes that the renders of this process may take together; what is left is for everything else in it. */
    renderMemory: integer(env, 'RENDER_MEMORY', Math.floor(RENDER_SHARE * processMemory()), 1, 2 ** 40),
    /** Megapixels that the operations of one recipe may touch: see `imaging/cost.ts`. */
    maxJobCost: integer(env, 'MAX_JOB_COST', 400, 1, 1_000_000),
    userAgent: printable(env, 'USER_AGENT', 'photo-processor'),
    downloadTimeoutMs: integer(env, 'DOWNLOAD_TIMEOUT_MS', 30_000, 1, 3_600_000),
    renderTimeoutMs: integer(env, 'RENDER_TIMEOUT_MS', 30_000, 1, 3_600_000),
    leaseMs: integer(env, 'LEASE_MS', 30_000, 100, 3_600_000),
    sweepIntervalMs: integer(env, 'SWEEP_INTERVAL_MS', 5_000, 10, 3_600_000),
    relayIntervalMs: integer(env, 'RELAY_INTERVAL_MS', 1_000, 10, 3_600_000),
    maxAttempts: integer(env, 'MAX_ATTEMPTS', 5, 1, 1000),
    retryBaseMs: integer(env, 'RETRY_BASE_MS', 1_000, 1, 3_600_000),
    /** What is kept how long: events and dead letters, originals of failed photos, deliveries that are done. */
    eventsKeepMs: days(env, 'EVENTS_KEEP', 90),
    failedKeepMs: days(env, 'FAILED_KEEP', 30),
    deliveriesKeepMs: days(env, 'DELIVERIES_KEEP', 7),
    ...notifications(env, sourceAllowCidrs),
    /** Box of the v1 door's thumbnails: a side in px. */
    thumbnailSize: integer(env, 'THUMBNAIL_SIZE', 256, 1, 10_000),
    duplicateHandling: oneOf(env, 'DUPLICATE_HANDLING', DUPLICATE_HANDLING, 'allow-retry'),
    /** Whether the place where a photo was taken is kept with it. */
    exifGps: oneOf(env, 'EXIF_GPS', ['true', 'false'], 'false') === 'true',
    logLevel: oneOf(env, 'LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'silent'], 'info'),
  }
}

/** The bucket that takes the place of the storage directories; without keys the platform's own credentials serve. */
function s3(env: Environment) {
  const bucket = env.S3_BUCKET?.trim()
  if (bucket === undefined) return undefined
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) wrong('S3_BUCKET', 'must be the name of a bucket')
  const accessKeyId = env.AWS_ACCESS_KEY_ID?.trim()
  const secretAccessKey = env.AWS_SECRET_ACCESS_KEY?.trim()
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    wrong('AWS_SECRET_ACCESS_KEY', 'must be set together with AWS_ACCESS_KEY_ID')
  return Object.freeze({
    bucket,
    endpoint: url(env, 'AWS_ENDPOINT_URL', ['http:', 'https:']),
    region: env.AWS_REGION?.trim() ?? 'us-east-1',
    sessionToken: env.AWS_SESSION_TOKEN?.trim(),
    accessKeyId,
    secretAccessKey,
  })
}

/** Who is notified: webhooks that may be reached, the secret that signs their messages, the address for failures. */
function notifications(env: Environment, allowed: readonly string[]) {
  const webhookUrls = list(env.WEBHOOK_URLS)
  for (const text of webhookUrls) {
    try {
      parseSourceUrl(text, allowed)
    } catch (error) {
      wrong('WEBHOOK_URLS', `must be a list of URLs that may be reached: ${(error as Error).message}`)
    }
  }
  const secret = webhookSecret(env, 'WEBHOOK_SECRET')
  if (webhookUrls.length > 0 && !secret) wrong('WEBHOOK_SECRET', 'must be set together with WEBHOOK_URLS')
  const smtpUrl = url(env, 'SMTP_URL', ['smtp:', 'smtps:'])
  const notifyEmail = env.NOTIFY_EMAIL?.trim()
  if ((smtpUrl === undefined) !== (notifyEmail === undefined))
    wrong('NOTIFY_EMAIL', 'must be set together with SMTP_URL')
  if (notifyEmail !== undefined && !/^[^\s@<>",;:]+@[^\s@<>",;:]+$/.test(notifyEmail))
    wrong('NOTIFY_EMAIL', 'must be an e-mail address')
  return {
    webhookUrls: Object.freeze([...new Set(webhookUrls)]),
    webhookSecret: secret,
    smtpUrl,
    notifyEmail,
  }
}

/** As Standard Webhooks writes it: `whsec_` and the base64 of 24 to 64 bytes. */
function webhookSecret(env: Environment, variable: string): string | undefined {
  const text = env[variable]?.trim()
  if (text === undefined) return undefined
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const { length } = Buffer.from(base64, 'base64')
  return length >= 24 && length <= 64
    ? text
    : wrong(variable, 'must be whsec_ followed by 24 to 64 bytes in base64')
}

/** An address to reach a server at that listens on `host`. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
