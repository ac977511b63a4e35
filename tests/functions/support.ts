import { readdir, readFile } from 'node:fs/promises'
import http from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Insertable } from 'kysely'
import { uuidv7 } from 'uuidv7'
import { expect, vi } from 'vitest'
import { endpoints, lives } from '../../functions/index.ts'
import { sweep } from '../../functions/schedules/sweep.ts'
import type { LimitRate } from '../../lib/access/authorize.ts'
import { EVERYBODY } from '../../lib/access/caller.ts'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { nowPlus } from '../../lib/db/port.ts'
import type { EventType } from '../../lib/db/tables/events.ts'
import type { PhotosTable } from '../../lib/db/tables/photos.ts'
import { AppError } from '../../lib/errors.ts'
import {
  Answer,
  type AnyEndpoint,
  type Endpoint,
  type Replies,
  type Request,
  reply,
} from '../../lib/function.ts'
import { type ProblemBody, problemOf as problemBodyOf } from '../../lib/http/problem.ts'
import { openHttp } from '../../lib/http/server.ts'
import { openHub } from '../../lib/live/hub.ts'
import type { Stay } from '../../lib/live/stay.ts'
import type { Reader } from '../../lib/photos/show.ts'
import { OWNER } from '../../lib/storage/port.ts'
import { faultsOf, watchAnswers } from '../support/answers.ts'
import { type Environment, SETUPS, type Setup, withApp, withEnvironment } from '../support/app.ts'
import { until } from '../support/service.ts'

/** Who sees everything, by links as they are. */
export const READER: Reader = { caller: EVERYBODY, sign: (path) => path }

/** Calls an endpoint as the function it is; a bare return is the body of a 200. */
export async function call<P, Q, B, R extends Replies>(
  endpoint: Endpoint<P, Q, B, R>,
  app: App,
  request: Partial<Request<P, Q, B>> = {},
): Promise<Answer> {
  const empty = {
    params: {},
    query: {},
    body: undefined,
    headers: {},
    method: endpoint.method,
    caller: EVERYBODY,
    limitRate: ((identify) => identify()) satisfies LimitRate,
    stay: { enter: () => () => {}, watch: () => () => {} } satisfies Stay,
  }
  const described = endpoint as unknown as AnyEndpoint
  const answer = await endpoint
    .handle({ ...empty, ...request } as Request<P, Q, B>, app, reply)
    .catch((error: unknown) => {
      if (error instanceof AppError) expectAnswer(described, new Answer(error.status, problemBodyOf(error)))
      throw error
    })
  return expectAnswer(described, answer instanceof Answer ? answer : new Answer(200, answer))
}

/** Holds an answer to what its endpoint says. */
function expectAnswer(endpoint: AnyEndpoint, answer: Answer): Answer {
  const { status, headers, body } = answer
  const isContent = Buffer.isBuffer(body) || body instanceof Readable
  const given = { status, headers, body: isContent ? null : JSON.parse(JSON.stringify(body ?? null)) }
  expect(faultsOf(endpoint, given), `${endpoint.method} ${endpoint.path} ${status}`).toEqual([])
  return answer
}

/** Serves endpoints over HTTP while `use` runs, on a port of its own. */
export async function withServer<T>(
  app: App,
  use: (url: string) => Promise<T>,
  mounted: readonly AnyEndpoint[] = endpoints,
): Promise<T> {
  const hub = openHub(app)
  const server = await openHttp({ ...app, hub }, mounted, lives)
  const faults = watchAnswers(server, mounted, lives)
  try {
    const result = await use(await server.listen({ host: '127.0.0.1', port: 0 }))
    expect(faults, 'answers that are not as their endpoints say').toEqual([])
    return result
  } finally {
    await server.close()
    await hub.close()
  }
}

/** The same of an app of its own, embedded. */
export const withEmbedded = (
  use: (app: App, url: string) => Promise<void>,
  env: Environment = {},
): Promise<void> => withApp(SETUPS[0], (app) => withServer(app, (url) => use(app, url)), env)

/** Sends JSON, or text that is to be taken for JSON. */
export const send = (
  url: string,
  method: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

export const post = (url: string, body: unknown): Promise<Response> => send(url, 'POST', body)

/** Sends a path as it is: `fetch` would resolve its dots first. */
export async function getRaw(url: string, path: string, headers: http.OutgoingHttpHeaders = {}) {
  const { hostname, port } = new URL(url)
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get({ hostname, port, path, headers, agent: false }, resolve).on('error', reject)
  })
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

/** The problem that an answer tells, held to what every problem is. */
export async function problemOf(answer: Response, status: number): Promise<ProblemBody> {
  const body = (await answer.json()) as ProblemBody
  expect.soft(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(body).toMatchObject({
    type: expect.any(String),
    title: expect.any(String),
    status: answer.status,
    detail: expect.any(String),
    code: expect.stringMatching(/^[a-z-]+$/),
  })
  expectNoSecrets(JSON.stringify(body))
  return body
}

/** No answer may carry a stack trace, a local path, a query or a library's own words. */
export function expectNoSecrets(answer: string): void {
  expect(answer).not.toMatch(
    /node_modules|\bat .+:\d+:\d+|\.ts\b|\/tmp\/|file:\/\/|ECONN|ENO[A-Z]{3}|FST_ERR/,
  )
  expect(answer).not.toMatch(/\b(select|insert into|update|delete from) .*\b(from|values|set|where)\b/i)
}

/** A row as a client or a hand may have left it; a waiting photo unless told. */
export async function insertPhoto(
  { db }: Pick<App, 'db'>,
  photo: Partial<Insertable<PhotosTable>> = {},
): Promise<string> {
  const uuid = photo.uuid ?? uuidv7()
  await db
    .insertInto('photos')
    .values({ url: 'https://example.com/photo.jpg', ...photo, uuid })
    .execute()
  return uuid
}

/** Lets leases run out, as of workers that died: that of one photo, or those of all that are processed. */
export const expireLeases = ({ db }: Pick<App, 'db'>, uuid?: string) =>
  db
    .updateTable('photos')
    .set({ lease_until: nowPlus(-1) })
    .where(({ eb }) => (uuid === undefined ? eb('status', '=', 'processing') : eb('uuid', '=', uuid)))
    .execute()

/** A time `seconds` after the first of 2026. */
export const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString()

/** The events of a type, oldest first. */
export const eventsOf = ({ db }: Pick<App, 'db'>, type: EventType) =>
  db.selectFrom('events').selectAll().where('type', '=', type).orderBy('seq').execute()

/** Names of stored originals, and of those that are half written. */
export async function originals({ config }: Pick<App, 'config'>): Promise<string[]> {
  const directory = `${config.storageDir}/originals`
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile() && entry.name !== OWNER).map(({ name }) => name)
}

/** A sample of what AWS sends, from `tests/events/`. */
export const readEvent = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(new URL(`../events/${name}.json`, import.meta.url), 'utf8')) as T

/**
 * Runs `use` with the environment of this process set as a function finds it in Lambda, and modules to be imported
 * afresh, since a handler keeps what it has opened. `app` is on the same database, queue and storage.
 */
export const withLambda = <T>(
  setup: Setup,
  use: (app: App) => Promise<T>,
  more: Environment = {},
): Promise<T> =>
  withEnvironment(
    setup,
    async (env) => {
      for (const [name, value] of Object.entries({ ...env, WORKER_THREADS: '0', ...more }))
        vi.stubEnv(name, value)
      vi.resetModules()
      const app = await openApp(readConfig({ ...env, WORKER_THREADS: '0', ...more }))
      try {
        return await use(app)
      } finally {
        await app.close()
        vi.unstubAllEnvs()
      }
    },
    'migrated',
  )

/** Sweeps until no request for many photos is left: the row of one is locked until the database has noticed that its process died. */
export const sweepAll = (app: App, table: 'reprocessings' | 'deletions'): Promise<unknown> =>
  until(async () => {
    while ((await sweep.run(app)) > 0);
    return (
      (
        await app.db
          .selectFrom(table as 'reprocessings')
          .select('id')
          .execute()
      ).length === 0
    )
  })
