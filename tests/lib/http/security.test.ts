import { expect, test } from 'vitest'
import { withServer } from '../../functions/support.ts'
import { SETUPS, withApp } from '../../support/app.ts'

const EMBEDDED = SETUPS[0]

const withUrl = (use: (url: string) => Promise<void>) => withApp(EMBEDDED, (app) => withServer(app, use))

test('the headers of an answer do not name the server, and keep browsers from guessing', () =>
  withUrl(async (url) => {
    for (const target of ['/photos', '/photos/nonsense', '/docs', '/files/nonsense.jpg']) {
      const { headers } = await fetch(url + target)
      expect.soft(headers.get('x-content-type-options'), target).toBe('nosniff')
      expect.soft(headers.get('x-frame-options'), target).toMatch(/^(DENY|SAMEORIGIN)$/)
      expect.soft(headers.get('content-security-policy'), target).toMatch(/default-src '(self|none)'/)
      expect.soft(headers.get('referrer-policy'), target).toBe('no-referrer')
      expect.soft(headers.get('x-powered-by') ?? headers.get('server'), target).toBeNull()
    }
  }))

test('only over https browsers are told to stay there, and only images are for other pages', async () => {
  for (const [PUBLIC_URL, hsts] of [
    ['http://photos.example.com', null],
    ['https://photos.example.com', 'max-age=31536000; includeSubDomains'],
  ] as const)
    await withApp(
      EMBEDDED,
      (app) =>
        withServer(app, async (url) => {
          const { headers } = await fetch(`${url}/photos`)
          expect(headers.get('strict-transport-security')).toBe(hsts)
          expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
        }),
      { PUBLIC_URL },
    )
})
