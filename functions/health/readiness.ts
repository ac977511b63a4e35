import { Type } from '@sinclair/typebox'
import { readSchema } from '../../lib/db/migrate.ts'
import { withDeadline } from '../../lib/deadline.ts'
import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { checkSparingly } from '../../lib/storage/index.ts'

const State = Type.Union([Type.Literal('up'), Type.Literal('down')])

const Readiness = Type.Object(
  {
    status: Type.Union([
      Type.Literal('ok'),
      Type.Literal('degraded'),
      Type.Literal('unavailable'),
      Type.Literal('stopping'),
    ]),
    checks: Type.Object({
      database: State,
      storage: State,
      queue: State,
      cache: State,
      imaging: Type.Optional(State),
    }),
    topology: Type.Optional(
      Type.Object({ missing: Type.Array(Type.String()), differs: Type.Array(Type.String()) }),
    ),
    schema: Type.Optional(
      Type.Object({ version: Type.Union([Type.String(), Type.Null()]), missing: Type.Integer() }),
    ),
  },
  { title: 'Readiness', description: 'Each dependency with its state' },
)

/** Longest that one dependency is waited for, in ms. */
const DEADLINE_MS = 2_000

/**
 * Each dependency with its state: requests need the database and the storage, and do without broker and cache. A process that
 * renders adds `imaging`: whether its installation can. `schema` is the last migration of the database, and how many it
 * lacks: requests need them all. A process that is to stop is not ready, whatever they are.
 */
export const readiness = endpoint({
  method: 'GET',
  path: '/readyz',
  access: 'public',
  summary: 'Show each dependency with its state',
  tag: 'health',
  replies: { 200: Readiness, 503: Readiness },
  async handle(_request, { db, storage, queue, cache, parts, stopping }, reply) {
    const [schema, stored] = await Promise.all([
      inTime(readSchema(db)),
      inTime(checkSparingly(storage).then(() => true)),
    ])
    const database = schema ? 'up' : 'down'
    const files = stored ? 'up' : 'down'
    const { missing, differs } = queue.topology()
    const broker = queue.isUp() && missing.length === 0 ? 'up' : 'down'
    const topology = missing.length + differs.length > 0 && { topology: { missing, differs } }
    const images = cache.isUp() ? 'up' : 'down'
    const own = Object.fromEntries(parts)
    const checks = { database, storage: files, queue: broker, cache: images, ...own } as const
    const found = { checks, ...(schema && { schema }), ...topology }
    if (stopping.aborted) return reply(503, { status: 'stopping', ...found })
    if (!schema || schema.missing > 0 || !stored || own.imaging === 'down')
      return reply(503, { status: 'unavailable', ...found })
    return reply(200, { status: broker === 'up' && images === 'up' ? 'ok' : 'degraded', ...found })
  },
})

export const handler = lambda(readiness)

/** Undefined where it fails, or takes too long. */
const inTime = <T>(check: Promise<T>): Promise<T | undefined> =>
  withDeadline(DEADLINE_MS, check, () => new Error('late')).catch(() => undefined)
