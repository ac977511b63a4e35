import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { jpeg, sample } from '../support/images.ts'
import { inBrowser, seeConnection, seeThumbnail, useBrowser, withPage, withService } from './support.ts'

const browser = useBrowser()

const KEY = `pp_admin_${randomBytes(32).toString('base64url')}`

/** What a browser says of each answer with 401; a page cannot keep it from doing so. */
const UNAUTHORIZED = /status of 401|preload/

inBrowser('who has a key signs in, sees photos live, and signs out', () =>
  withService(
    ({ service }) =>
      withPage(
        browser(),
        service.url,
        async (page) => {
          const key = page.getByLabel('Key')
          await key.waitFor()
          expect(await page.getByRole('button', { name: 'Choose photos' }).isVisible()).toBe(false)
          await key.fill(`pp_admin_${'x'.repeat(43)}`)
          await page.getByRole('button', { name: 'Sign in' }).click()
          await page.getByText('This key is not valid').waitFor()
          await key.fill(KEY)
          await page.getByRole('button', { name: 'Sign in' }).click()
          await seeConnection(page, 'live')
          const file = {
            name: 'mine.jpg',
            mimeType: 'image/jpeg',
            buffer: Buffer.from(await jpeg(sample(64, 48))),
          }
          await page.locator('#files').setInputFiles(file)
          await seeThumbnail(page, 'mine.jpg')
          const [cookie] = await page.context().cookies()
          expect(cookie).toMatchObject({ name: 'session', httpOnly: true, sameSite: 'Strict', secure: false })
          expect(cookie?.value).not.toContain(KEY)

          await page.reload()
          await seeThumbnail(page, 'mine.jpg')
          await page.getByRole('button', { name: 'Sign out' }).click()
          await key.waitFor()
          expect(await page.context().cookies()).toEqual([])
          expect(await page.getByText('mine.jpg').count()).toBe(0)
        },
        { tolerated: UNAUTHORIZED },
      ),
    { AUTH: 'keys', ADMIN_KEY: KEY },
  ),
)
