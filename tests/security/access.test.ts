import { globSync } from 'node:fs'
import path from 'node:path'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endpoints, lives } from '../../functions/index.ts'
import type { Access } from '../../lib/access/caller.ts'
import type { AnyEndpoint } from '../../lib/function.ts'
import type { HttpHandler } from '../../lib/lambda/endpoint.ts'
import { readEvent, withLambda, withServer } from '../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../support/app.ts'
import { CALLS, type Call, type Calling } from './calls.ts'
import { type Credential, makeCredentials, WITH_KEYS } from './credentials.ts'
import { MARK, makeWorld, type World } from './world.ts'

type Opening = { name: string; access: Access; link: boolean }

const OPENINGS: Opening[] = [
  ...endpoints.map(({ method, path, access, link = false }) => ({ name: `${method} ${path}`, access, link })),
  ...lives.map(({ path, access }) => ({ name: `GET ${path}`, access, link: false })),
]

/** What a credential gets, by what `endpoint()` says of the access alone. */
function expected({ access, link }: Opening, { ok, foreign = ok }: Calling, credential: Credential): number {
  const { scopes, projects = [] } = credential
  if (access === 'public') return ok
  if (credential.link) return link ? (credential.link.opens ? ok : 403) : 401
  if (!scopes) return 401
  if (!scopes.includes('admin') && !scopes.includes(access)) return 403
  return projects === '*' || projects.includes(1) ? ok : foreign
}

/** Whether an answer may say something of project 1. */
const maySay = (credential: Credential) =>
  credential.link?.opens || credential.projects === '*' || credential.projects?.includes(1)

type Answered = { status: number; text: string; authenticate: string | null | undefined }

/** Holds the answers of an endpoint to what each credential is to get. */
async function check(
  opening: Opening,
  world: World,
  credentials: readonly Credential[],
  send: (call: Call, headers: Record<string, string>, query: string) => Promise<Answered>,
): Promise<void> {
  const calling = CALLS[opening.name]
  if (!calling) throw new Error(`tests/security/calls.ts does not say how ${opening.name} is called`)
  for (const credential of credentials) {
    const call = await calling.call(world)
    // What is public knows no credential, nor the parameters of a link.
    const link = opening.access === 'public' ? undefined : credential.link
    const query = link?.sign(call.path.replace(/^\/files\/|\?.*$/g, '')) ?? ''
    const { status, text, authenticate } = await send(call, credential.headers ?? {}, query)
    expect
      .soft(status, `with ${credential.name}: ${text.slice(0, 300)}`)
      .toBe(expected(opening, calling, credential))
    if (status === 401) expect.soft(authenticate).toBe('Bearer')
    if (opening.access !== 'public' && !maySay(credential))
      expect.soft(text, credential.name).not.toContain(MARK)
  }
}

describe.for(SETUPS)('over HTTP on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))
  let url: string
  let world: World
  let credentials: Credential[]
  const end = Promise.withResolvers<void>()
  let ended: Promise<void>

  beforeAll(async () => {
    if (!isAvailable(setup)) return
    const begun = Promise.withResolvers<void>()
    ended = withApp(
      setup,
      async (app) => {
        world = await makeWorld(app)
        credentials = await makeCredentials(app)
        await withServer(app, async (at) => {
          url = at
          begun.resolve()
          await end.promise
        })
      },
      WITH_KEYS,
    )
    await Promise.race([begun.promise, ended])
  })

  afterAll(async () => {
    end.resolve()
    await ended
  })

  on.for(OPENINGS)('$name is for $access', (opening) =>
    check(opening, world, credentials, async ({ path, body, form }, headers, query) => {
      const answer = await fetch(`${url}${path}${path.includes('?') ? '&' : '?'}${query}`, {
        method: opening.name.split(' ')[0] ?? '',
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
        ...((body || form) && { body: form ?? JSON.stringify(body) }),
      })
      const isStream = answer.headers.get('content-type') === 'text/event-stream'
      const text = isStream ? '' : await answer.text()
      if (isStream) await answer.body?.cancel()
      return { status: answer.status, text, authenticate: answer.headers.get('www-authenticate') }
    }),
  )
})

/** The handlers of endpoints, by method and path. */
async function loadHandlers(): Promise<Map<string, HttpHandler>> {
  const handlers = new Map<string, HttpHandler>()
  for (const file of globSync('functions/*/*.ts')) {
    const module: { handler?: HttpHandler } & Record<string, AnyEndpoint> = await import(path.resolve(file))
    const endpoint = Object.values(module).find((one) => one && typeof one === 'object' && 'replies' in one)
    if (module.handler && endpoint) handlers.set(`${endpoint.method} ${endpoint.path}`, module.handler)
  }
  return handlers
}

test('through the handlers of functions, too', () =>
  withLambda(
    SETUPS[0],
    async (app) => {
      const world = await makeWorld(app)
      const credentials = await makeCredentials(app)
      const handlers = await loadHandlers()
      const event = await readEvent<APIGatewayProxyEventV2>('get-photo')
      expect(handlers.size).toBeGreaterThan(25)
      for (const [name, handler] of handlers) {
        const opening = OPENINGS.find((one) => one.name === name)
        if (!opening) throw new Error(`${name} is not in functions/index.ts`)
        // It opens what it uses when it is first called.
        await handler({ ...event, rawPath: '/' }, {} as Context)
        await check(opening, world, credentials, async ({ path, body }, { cookie, ...headers }, query) => {
          const method = name.split(' ')[0] ?? ''
          const { http } = event.requestContext
          const { statusCode, ...answer } = await handler(
            {
              ...event,
              rawPath: path,
              rawQueryString: query,
              queryStringParameters: Object.fromEntries(new URLSearchParams(query)),
              headers: { ...event.headers, ...headers, ...(body && { 'content-type': 'application/json' }) },
              ...(cookie && { cookies: [cookie] }),
              ...(body && { body: JSON.stringify(body) }),
              requestContext: { ...event.requestContext, http: { ...http, method, path } },
            },
            {} as Context,
          )
          const authenticate = answer.headers?.['www-authenticate']
          return {
            status: statusCode ?? 0,
            text: `${name} ${answer.body}`,
            authenticate: authenticate as string,
          }
        })
      }
    },
    WITH_KEYS,
  ))
