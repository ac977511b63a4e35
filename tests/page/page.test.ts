import { expect } from 'vitest'
import { jpeg, png, sample, webp } from '../support/images.ts'
import {
  cardOf,
  drop,
  eventually,
  inBrowser,
  seeConnection,
  seeThumbnail,
  useBrowser,
  withPage,
  withService,
} from './support.ts'

const browser = useBrowser()

inBrowser('dropped photos become thumbnails, and what fails says why and can be processed again', () =>
  withService(async ({ service }) => {
    const files = [
      { name: 'beach.jpg', type: 'image/jpeg', content: await jpeg(sample(1600, 1200)) },
      { name: 'portrait.png', type: 'image/png', content: await png(sample(300, 500)) },
      { name: 'forest.webp', type: 'image/webp', content: await webp(sample(800, 600)) },
      { name: 'notes.txt', type: 'text/plain', content: Buffer.from('no image') },
    ]
    await withPage(browser(), service.url, async (page) => {
      await seeConnection(page, 'live')
      await page.getByText('No photos yet').waitFor()
      await drop(page, files)
      for (const name of ['beach.jpg', 'portrait.png', 'forest.webp']) await seeThumbnail(page, name)
      const failed = cardOf(page, 'notes.txt')
      await failed.getByText('unsupported-format').waitFor()
      await failed.getByText('The source is not a JPEG, PNG, GIF, BMP, WebP or PGM image').waitFor()
      await page.getByText('4 of 4 files uploaded · 3 completed · 1 failed').waitFor()
      await page.getByRole('radio', { name: 'Completed 3' }).waitFor()
      await page.getByRole('img', { name: /Last 15 minutes: 3 completed, 1 failed/ }).waitFor()

      await page.reload()
      await seeThumbnail(page, 'beach.jpg')
      expect(await page.locator('.card').count()).toBe(4)

      await page.getByRole('radio', { name: 'Failed 1' }).check()
      await eventually(() => page.locator('.card').count()).toBe(1)
      expect(page.url()).toMatch(/\?status=failed$/)
      await page.reload()
      await failed.waitFor()
      expect(await page.locator('.card').count()).toBe(1)

      const processed = page.waitForResponse((answer) => answer.url().endsWith('/photos/process'))
      await page.getByRole('button', { name: 'Process again: notes.txt' }).click()
      expect((await processed).status()).toBe(202)
      await failed.getByText('unsupported-format').waitFor()
      await page.getByRole('button', { name: 'notes.txt', exact: true }).click()
      await page.getByRole('dialog').getByText('Failed · attempt 1').nth(1).waitFor()
      await page.keyboard.press('Escape')

      await page.getByRole('button', { name: 'Process all failed again' }).click()
      await page.getByText('1 photo will be processed again').waitFor({ state: 'attached' })
      await failed.getByText('unsupported-format').waitFor()
      await page.goBack()
      await seeThumbnail(page, 'forest.webp')
      await page.goForward()
      await eventually(() => page.locator('.card').count()).toBe(1)
    })
  }),
)
