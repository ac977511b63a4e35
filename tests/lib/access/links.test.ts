import { expect, test } from 'vitest'
import { expiry, type Links, openLinks } from '../../../lib/access/links.ts'
import { openSigning, rotateSigningKey } from '../../../lib/access/signing.ts'
import type { App } from '../../../lib/app.ts'
import { HOUR_MS } from '../../security/credentials.ts'
import { SETUPS, withApp } from '../../support/app.ts'

const PATH = '/files/aa/b.jpg'

const linksOf = ({ db, config }: App, linkTtlMs = HOUR_MS, auth: 'keys' | 'none' = 'keys'): Links =>
  openLinks(openSigning(db, config), { auth, linkTtlMs })

const queryOf = (link: string) => Object.fromEntries(new URL(link, 'http://localhost').searchParams)

test('the same link comes again for an hour, and is good for LINK_TTL at least', () =>
  withApp(SETUPS[0], async (app) => {
    const links = linksOf(app)
    const sign = await links.signer()
    const query = queryOf(sign('aa/b.jpg'))
    const until = await links.verify(PATH, query)
    expect(until).toBe(Number(query.exp) * 1000)
    expect(until).toBeGreaterThanOrEqual(Date.now() + HOUR_MS - 1000)
    expect(until).toBeLessThanOrEqual(Date.now() + 2 * HOUR_MS)
    expect((until ?? 1) % HOUR_MS).toBe(0)
    const start = Date.UTC(2026, 0, 1)
    expect(new Set([1, 60_000, HOUR_MS - 1, HOUR_MS].map((ms) => expiry(start + ms, HOUR_MS))).size).toBe(1)
    expect(expiry(start + HOUR_MS + 1, HOUR_MS)).toBe(start / 1000 + 3 * 3600)
  }))

test('nothing of a link can be changed, and no signature makes a fault', () =>
  withApp(SETUPS[0], async (app) => {
    const links = linksOf(app)
    const good = queryOf((await links.signer())('aa/b.jpg'))
    const { sig = '', exp = '' } = good
    const refused: [path: string, query: Record<string, unknown>][] = [
      ['/files/aa/c.jpg', good],
      ['/files/aa/%62.jpg', good],
      [`${PATH}/`, good],
      ['/aa/b.jpg', good],
      [PATH, { ...good, exp: String(Number(exp) + 3600) }],
      [PATH, { ...good, exp: `${exp}.0` }],
      [PATH, { ...good, exp: '1e12' }],
      [PATH, { ...good, exp: '' }],
      [PATH, { ...good, kid: 'nobody' }],
      [PATH, { ...good, sig: `${sig}=` }],
      [PATH, { ...good, sig: sig.slice(1) }],
      [PATH, { ...good, sig: '' }],
      // As many characters as a signature has, and more bytes.
      [PATH, { ...good, sig: 'ä'.repeat(sig.length) }],
      [PATH, { ...good, sig: '\u{1f600}'.repeat(sig.length / 2) }],
      [PATH, { ...good, sig: '\0'.repeat(sig.length) }],
      [PATH, { ...good, sig: [sig, sig] }],
      [PATH, { exp, sig }],
      [PATH, { kid: good.kid, sig }],
    ]
    for (const [index, [path, query]] of refused.entries())
      await expect(links.verify(path, query), `${index}`).rejects.toMatchObject({ code: 'link-invalid' })
    expect(await links.verify(PATH, { other: 'query' })).toBeUndefined()
  }))

test('a link ends, and with its signing key', () =>
  withApp(SETUPS[0], async (app) => {
    const past = (await linksOf(app, -2 * HOUR_MS).signer())('aa/b.jpg')
    await expect(linksOf(app).verify(PATH, queryOf(past))).rejects.toMatchObject({ code: 'link-expired' })
    const link = queryOf((await linksOf(app).signer())('aa/b.jpg'))
    await rotateSigningKey(app.db, app.config, false)
    expect(await linksOf(app).verify(PATH, link)).toBeGreaterThan(Date.now())
    await rotateSigningKey(app.db, app.config, true)
    await expect(linksOf(app).verify(PATH, link)).rejects.toMatchObject({ code: 'link-invalid' })
  }))

test('where access is open nothing is signed, and signatures are ignored', () =>
  withApp(SETUPS[0], async (app) => {
    const links = linksOf(app, HOUR_MS, 'none')
    expect((await links.signer())('aa/b.jpg')).toBe('aa/b.jpg')
    expect(await links.verify(PATH, { exp: '1', kid: 'x', sig: 'y' })).toBeUndefined()
    expect(await app.db.selectFrom('signing_keys').selectAll().execute()).toEqual([])
  }))
