import rateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { App } from '../app.ts'

/** What is counted: who, by a name of its own, and how often it may come in a minute. */
export type Subject = { name: string; max: number }

/** How much of its minute a subject has left. */
export type Left = { max: number; remaining: number; resetMs: number; isExceeded: boolean }

/** Counts what subjects do in a minute: together with other processes where there is a Redis, else, or while it is away, alone. */
export type Counter = {
  count(request: FastifyRequest, subject: Subject): Promise<Left>
  /** The same without counting. */
  look(request: FastifyRequest, subject: Subject): Promise<Left>
}

const MINUTE_MS = 60_000

/** Subjects that a process remembers: the least recent goes first. */
const MAX_SUBJECTS = 10_000

/** How long Redis is left alone when it has failed to answer in time, in ms. */
const PAUSE_MS = 1_000

type Limiter = ReturnType<FastifyInstance['createRateLimit']>

/** The same; undefined where Redis does not answer in time. */
type Shared = (...given: Parameters<Limiter>) => Promise<Awaited<ReturnType<Limiter>> | undefined>

/** Opens a counter on a server that is not ready yet, and closes it with that. */
export function openCounter(server: FastifyInstance, { config }: Pick<App, 'config'>): Counter {
  const subjects = new WeakMap<FastifyRequest, Subject>()
  const subjectOf = (request: FastifyRequest) => subjects.get(request) as Subject
  const options: RateLimitPluginOptions = {
    global: false,
    cache: MAX_SUBJECTS,
    timeWindow: MINUTE_MS,
    keyGenerator: (request: FastifyRequest) => subjectOf(request).name,
    max: (request: FastifyRequest) => subjectOf(request).max,
  }
  let alone: Limiter
  // Each in a scope of its own, since a scope has one limiter.
  server.register(async (scope) => {
    await scope.register(rateLimit, options)
    alone = scope.createRateLimit()
  })
  let together: Shared | undefined
  const url = config.redisUrl
  if (url)
    server.register(async (scope) => {
      together = await openShared(scope, url, options)
    })

  const ask = async (request: FastifyRequest, subject: Subject, increment: boolean): Promise<Left> => {
    subjects.set(request, subject)
    const found = (await together?.(request, { increment })) ?? (await alone(request, { increment }))
    // Nobody is on a list of those who are always let in.
    if (found.isAllowed) throw new Error('The limit was not looked at')
    const { max, remaining, ttl, isExceeded } = found
    return { max, remaining, resetMs: ttl, isExceeded }
  }
  return {
    count: (request, subject) => ask(request, subject, true),
    look: (request, subject) => ask(request, subject, false),
  }
}

async function openShared(
  scope: FastifyInstance,
  url: string,
  options: RateLimitPluginOptions,
): Promise<Shared> {
  const { DEADLINE_MS, inTime, openConnection, PREFIX } = await import('../cache/connection.ts')
  const redis = openConnection(url, `${PREFIX}rate:`)
  // The cache says in the log that Redis is away.
  redis.on('error', () => {})
  scope.addHook('onClose', async () => redis.disconnect())
  await inTime(DEADLINE_MS, redis.connect()).catch(() => {})
  await scope.register(rateLimit, { ...options, redis, nameSpace: '' })
  const limiter = scope.createRateLimit()
  let pausedUntil = 0
  return async (...given) => {
    if (performance.now() < pausedUntil) return undefined
    try {
      return await inTime(DEADLINE_MS, limiter(...given))
    } catch {
      pausedUntil = performance.now() + PAUSE_MS
      return undefined
    }
  }
}
