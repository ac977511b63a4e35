import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { App } from '../../lib/app.ts'
import { withServer } from '../functions/support.ts'
import { makeKey, WITH_KEYS } from '../security/credentials.ts'
import { makeWorld } from '../security/world.ts'
import { SETUPS, withApp } from '../support/app.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'
import { inBrowser, useBrowser, withPage } from './support.ts'

const browser = useBrowser()

type Sent = { method?: string; headers?: Record<string, string>; body?: string }
/** What a script sees of an answer: the headers that it may read. */
type Seen = { status: number; headers: Record<string, string>; text: string }

const HTML = bytes('<!doctype html><title>An app</title><link rel="icon" href="data:,">', 'text/html')

/** Runs `use` with pages of two other origins, the first of which CORS_ORIGINS names. */
async function withPages(
  use: (app: App, url: string, own: Page, foreign: Page) => Promise<void>,
): Promise<void> {
  const site = await openSourceServer({ '/': HTML })
  const foreign = site.url.replace('127.0.0.1', 'localhost')
  // A browser says of a refusal that it is one.
  const tolerated = /status of 4\d\d|CORS|net::ERR_FAILED/
  try {
    await withApp(
      SETUPS[0],
      (app) =>
        withServer(app, (url) =>
          withPage(
            browser(),
            site.url,
            (own) => withPage(browser(), foreign, (other) => use(app, url, own, other), { tolerated }),
            { tolerated },
          ),
        ),
      { ...WITH_KEYS, CORS_ORIGINS: site.url },
    )
  } finally {
    await site.close()
  }
}

/** Sends a request as a script of the page; undefined where the browser keeps the answer from it. */
const send = (page: Page, url: string, sent: Sent = {}): Promise<Seen | undefined> =>
  page.evaluate(
    async ([url, sent]) => {
      const answer = await fetch(url, sent).catch(() => undefined)
      return (
        answer && {
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          text: await answer.text(),
        }
      )
    },
    [url, sent] as const,
  )

inBrowser('a page of an origin in CORS_ORIGINS is a client like any other, and no other page is', () =>
  withPages(async (app, url, own, foreign) => {
    const { done } = await makeWorld(app)
    const key = await makeKey(app)
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    }
    const body = JSON.stringify({ url: 'https://example.com/a.jpg' })
    const add = { method: 'POST', headers: { ...headers, 'idempotency-key': 'one' }, body }
    const added = await send(own, `${url}/photos`, add)
    expect(added).toMatchObject({ status: 201, headers: { location: expect.stringContaining('/photos/') } })
    expect(await send(own, `${url}/photos`, add)).toMatchObject({
      status: 201,
      headers: { 'idempotency-replayed': 'true', location: added?.headers.location },
    })
    expect(await send(own, `${url}/photos?limit=1`, { headers })).toMatchObject({
      status: 200,
      headers: {
        link: expect.stringContaining('rel="next"'),
        'last-event-id': expect.any(String),
        'ratelimit-remaining': expect.any(String),
      },
    })
    const file = { headers: { ...headers, range: 'bytes=0-9' } }
    const part = await send(own, `${url}/files/${done.path}`, file)
    expect(part).toMatchObject({
      status: 206,
      headers: { 'content-range': expect.stringMatching(/^bytes 0-9\//) },
    })
    const known = { headers: { ...headers, 'if-none-match': part?.headers.etag ?? '' } }
    expect(await send(own, `${url}/files/${done.path}`, known)).toMatchObject({ status: 304 })
    for (const [method, path, status] of [
      ['DELETE', `/photos/${added?.headers.location?.slice(-36)}`, 204],
      ['DELETE', '/photos/none', 404],
      ['PATCH', '/keys', 405],
      ['PUT', '/projects/1/quota', 403],
      ['GET', '/photos?limit=0', 422],
    ] as const)
      expect(await send(own, `${url}${path}`, { method, headers }), path).toMatchObject({ status })
    const stranger = await send(own, `${url}/photos`)
    expect(stranger).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } })
    expect(JSON.parse(stranger?.text ?? '')).toMatchObject({ code: 'unauthorized' })

    const made = await send(own, `${url}/tokens`, { method: 'POST', headers, body: '{"scopes":["read"]}' })
    const { token } = JSON.parse(made?.text ?? '') as { token: string }
    const follow = (page: Page) =>
      page.evaluate(
        (address) =>
          new Promise<string>((resolve) => {
            const events = new EventSource(address)
            events.onopen = () => resolve('open')
            events.onerror = () => resolve('refused')
          }),
        `${url}/projects/1/events?access_token=${token}`,
      )
    expect(await follow(own)).toBe('open')

    expect(await send(foreign, `${url}/photos`, { headers })).toBeUndefined()
    expect(await send(foreign, `${url}/health`)).toBeUndefined()
    expect(await follow(foreign)).toBe('refused')
  }),
)
