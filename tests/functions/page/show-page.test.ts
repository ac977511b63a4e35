import { expect, test } from 'vitest'
import { showPage } from '../../../functions/page/show-page.ts'
import { loadAssets } from '../../../lib/http/page-assets.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { call, getRaw, problemOf, withServer } from '../support.ts'

/** Of all that the page loads before it shows a photo, compressed. */
const MAX_BYTES = 100_000

test('the page and all it consists of are less than 100 kB gzipped', async () => {
  const { page, byName } = await loadAssets()
  const sizes = [page, ...byName.values()].map(({ encoded }) => new Map(encoded).get('gzip')?.byteLength ?? 0)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  expect(Math.min(...sizes)).toBeGreaterThan(0)
  expect(total).toBeLessThan(MAX_BYTES)
})

test('the page names its files by their content, and every one is there, its script whole', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const html = await (await fetch(url)).text()
      const links = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, link]) => link ?? '')
      const names = links.map((link) => link.split('/').at(-1))
      expect(names.sort()).toEqual(['icon.svg', 'main.js', 'style.css'])
      for (const link of links) {
        const answer = await fetch(url + link)
        expect.soft(answer.status, link).toBe(200)
        expect.soft(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
        const text = await answer.text()
        expect.soft(text.length, link).toBeGreaterThan(100)
        if (link.endsWith('.js')) expect.soft(text).not.toMatch(/\bimport\b|\bexport\b/)
      }
      await problemOf(await fetch(`${url}/assets/0000000000000000/main.js`), 404)
      await problemOf(await fetch(`${url}${links[0]?.replace(/[^/]+$/, '')}index.html`), 404)
      expect((await getRaw(url, `${links[0]?.replace(/[^/]+$/, '')}..%2Fassets.ts`)).status).toBe(404)
    }),
  ))

test('a browser is told at once to ask for the list, unless the address has filters', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      const link = (await fetch(url)).headers.get('link')
      expect(link).toBe('</photos?limit=100>; rel=preload; as=fetch; crossorigin')
      expect((await fetch(`${url}/?status=failed`)).headers.has('link')).toBe(false)
    }),
  ))

test('nothing but what the service serves may run on the page', () =>
  withApp(
    SETUPS[0],
    (app) =>
      withServer(app, async (url) => {
        const answer = await fetch(url)
        const { host } = new URL(url)
        expect(answer.headers.get('content-security-policy')).toBe(
          `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws://${host} wss://${host}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`,
        )
        expect(await answer.text()).not.toMatch(/<script(?![^>]+src)|<style|\son\w+=|\sstyle=/)
        const odd = await getRaw(url, '/', { host: "x; script-src 'unsafe-inline'" })
        expect(String(odd.headers['content-security-policy'] ?? '')).not.toContain('unsafe')
      }),
    // Whoever has keys may call the service by any name.
    { AUTH: 'keys' },
  ))

test('the page is asked for each time, and does not come again while it is the same', () =>
  withApp(SETUPS[0], async (app) => {
    const known = await call(showPage, app, { headers: {} })
    expect(known.headers).toMatchObject({ 'cache-control': 'no-cache' })
    const again = await call(showPage, app, { headers: { 'if-none-match': String(known.headers.etag) } })
    expect(again).toMatchObject({ status: 304, headers: { etag: known.headers.etag } })
  }))
