import { Type } from '@sinclair/typebox'
import { sql } from 'kysely'
import { endpoint } from '../../lib/function.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'

const State = Type.Union([Type.Literal('up'), Type.Literal('down')])

const Readiness = Type.Object({
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
})

/** Longest that one dependency is waited for, in ms. */
const DEADLINE_MS = 2_000

/**
 * Each dependency with its state: requests need the database and the storage, and do without broker and cache. A process that
 * renders adds `imaging`: whether its installation can. A process that is to stop is not ready, whatever they are.
 */
export const readiness = endpoint({
  method: 'GET',
  path: '/readyz',
  summary: 'Show each dependency with its state',
  tag: 'health',
  replies: { 200: Readiness, 503: Readiness },
  async handle(_request, { db, storage, queue, cache, parts, stopping }, reply) {
    const [database, files] = await Promise.all([
      stateOf(sql`select 1`.execute(db)),
      stateOf(storage.check()),
    ])
    const { missing, differs } = queue.topology()
    const broker = queue.isUp() && missing.length === 0 ? 'up' : 'down'
    const topology = missing.length + differs.length > 0 && { topology: { missing, differs } }
    const images = cache.isUp() ? 'up' : 'down'
    const own = Object.fromEntries(parts)
    const checks = { database, storage: files, queue: broker, cache: images, ...own } as const
    if (stopping.aborted) return reply(503, { status: 'stopping', checks })
    if (database === 'down' || files === 'down' || own.imaging === 'down')
      return reply(503, { status: 'unavailable', checks, ...topology })
    const status = broker === 'up' && images === 'up' ? 'ok' : 'degraded'
    return reply(200, { status, checks, ...topology })
  },
})

export const handler = lambda(readiness)

async function stateOf(check: Promise<unknown>): Promise<'up' | 'down'> {
  const late = new Promise<never>((_resolve, reject) => setTimeout(reject, DEADLINE_MS).unref())
  return Promise.race([check, late]).then(
    () => 'up',
    () => 'down',
  )
}
