import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { insertPhoto } from '../functions/support.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'
import { inBrowser, useBrowser, withDatabase, withPage, withService } from './support.ts'

/** Names that the browser takes for this machine, as after a rebinding of their DNS entries. */
const browser = useBrowser(['--host-resolver-rules=MAP rebound.example 127.0.0.1'])

/** What a browser says of what a page may not do. */
const REFUSED = /CORS|status of 4\d\d|Cross-Origin-Opener-Policy|origin-keyed|WebSocket connection|net::ERR/

/** Runs `use` with a page of another origin, beside a service that is open to its machine, with one photo. */
const withForeignPage = (
  use: (attack: { page: Page; url: string; uuid: string; isThere(): Promise<boolean> }) => Promise<void>,
) =>
  withService(async ({ service, env }) => {
    let uuid = ''
    await withDatabase(env, async (app) => {
      uuid = await insertPhoto(app)
    })
    const isThere = async () => (await fetch(`${service.url}/photos/${uuid}`)).status === 200
    const site = await openSourceServer({ '/': bytes('<!doctype html><title>Foreign</title>', 'text/html') })
    try {
      await withPage(browser(), site.url, (page) => use({ page, url: service.url, uuid, isThere }), {
        tolerated: REFUSED,
      })
    } finally {
      await site.close()
    }
  })

inBrowser('a foreign page opens no socket', () =>
  withForeignPage(async ({ page, url }) => {
    const heard = await page.evaluate(
      (address) =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket(`${address.replace('http', 'ws')}/ws`)
          socket.onopen = () => resolve('opened')
          socket.onerror = () => resolve('refused')
        }),
      url,
    )
    expect(heard).toBe('refused')
  }),
)

inBrowser('a foreign page sends no form, and deletes nothing', () =>
  withForeignPage(async ({ page, url, uuid, isThere }) => {
    await page.evaluate(
      async ([address, photo]) => {
        const form = new FormData()
        form.append('image', new Blob(['x']), 'x.jpg')
        await fetch(`${address}/upload`, { method: 'POST', mode: 'no-cors', body: form }).catch(
          () => undefined,
        )
        await fetch(`${address}/photos/${photo}`, { method: 'DELETE' }).catch(() => undefined)
      },
      [url, uuid] as const,
    )
    expect(await isThere()).toBe(true)
    const answer = await page.goto(
      `data:text/html,<form method=post enctype=multipart/form-data action="${url}/upload"><input name=nickname value=x><button>go</button></form>`,
    )
    expect(answer).toBeNull()
    const [navigated] = await Promise.all([page.waitForResponse(`${url}/upload`), page.click('button')])
    expect(navigated.status()).toBe(403)
    const { items } = (await (await fetch(`${url}/photos`)).json()) as { items: unknown[] }
    expect(items).toHaveLength(1)
  }),
)

inBrowser('a name that was bound to this machine anew reads nothing', () =>
  withForeignPage(async ({ page, url, uuid, isThere }) => {
    const rebound = url.replace('127.0.0.1', 'rebound.example')
    for (const path of ['/', '/photos', `/photos/${uuid}`, '/docs', '/openapi.json'])
      expect((await page.goto(`${rebound}${path}`))?.status()).toBe(421)
    expect((await page.goto(`${rebound}/health`))?.status()).toBe(200)
    const deleted = await page.evaluate(
      async (photo) => (await fetch(`/photos/${photo}`, { method: 'DELETE' })).status,
      uuid,
    )
    expect(deleted).toBe(421)
    expect(await isThere()).toBe(true)
  }),
)
