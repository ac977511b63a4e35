import { truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'vitest'
import { jpeg, sample } from '../support/images.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'
import { cardOf, inBrowser, seeThumbnail, useBrowser, withPage, withService } from './support.ts'

const browser = useBrowser()

inBrowser('chosen files, with markup in a name, empty, and too large, each have their own result', () =>
  withService(async ({ service, env }) => {
    const directory = path.dirname(env.STORAGE_DIR ?? '')
    const markup = '<img src=x onerror=alert(1)>&amp;.jpg'
    const at = (name: string) => path.join(directory, name)
    await writeFile(at(markup), await jpeg(sample(640, 480)))
    await writeFile(at('empty.jpg'), '')
    await writeFile(at('huge.jpg'), await jpeg(sample(64, 48)))
    await truncate(at('huge.jpg'), 60_000_000)
    await withPage(browser(), service.url, async (page) => {
      const choosing = page.waitForEvent('filechooser')
      await page.getByRole('button', { name: 'Choose photos' }).click()
      await (await choosing).setFiles([at(markup), at('empty.jpg'), at('huge.jpg')])
      await seeThumbnail(page, markup)
      expect(await cardOf(page, markup).locator('img').count()).toBe(1)
      const uploads = page.getByRole('region', { name: 'Uploads' })
      await uploads.getByText('empty-source').waitFor()
      await uploads.getByText('too-many-bytes').waitFor()
      await uploads.getByText('1 of 3 files uploaded · 1 completed · 2 not accepted').waitFor()
      expect(await page.locator('.card').count()).toBe(1)
      const answered = page.waitForResponse((answer) => answer.url().endsWith('/upload'))
      await uploads.getByRole('button', { name: 'Upload again: empty.jpg' }).click()
      await answered
      await uploads.getByText('empty-source').waitFor()
      await uploads.getByRole('button', { name: 'Clear' }).click()
      await uploads.waitFor({ state: 'hidden' })
    })
  }),
)

inBrowser('pasted addresses are downloaded; what is none is refused before anything is sent', () =>
  withService(async ({ service }) => {
    const photo = await jpeg(sample(640, 480))
    const source = await openSourceServer({ '/first.jpg': bytes(photo), '/a%20second.jpg': bytes(photo) })
    await withPage(browser(), service.url, async (page) => {
      await page.getByRole('button', { name: 'Paste addresses' }).click()
      const text = page.getByRole('textbox', { name: 'Addresses of photos, one per line' })
      await text.fill(`${source.url}/first.jpg\nnonsense`)
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await page.getByRole('alert').getByText('Not a web address: nonsense').waitFor()
      expect(source.hits).toEqual([])
      await text.fill(`${source.url}/first.jpg\n${source.url}/a%20second.jpg`)
      await page.getByRole('button', { name: 'Add', exact: true }).click()
      await seeThumbnail(page, 'first.jpg')
      await seeThumbnail(page, 'a second.jpg')
      expect(await text.isVisible()).toBe(false)
    }).finally(source.close)
  }),
)
