import { truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { rgbaToThumbHash } from 'thumbhash'
import { expect } from 'vitest'
import { renditionKey } from '../../lib/storage/port.ts'
import { insertPhoto } from '../functions/support.ts'
import { jpeg, png, sample, webp } from '../support/images.ts'
import { postJson, until } from '../support/service.ts'
import { bytes, openSourceServer, status } from '../support/source-server.ts'
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
      await failed.getByText('The source is not a JPEG, PNG, GIF, BMP or WebP image').waitFor()
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

inBrowser('a photo that fails again before the answer to its click is there shows that it failed', () =>
  withService(async ({ service }) => {
    await withPage(browser(), service.url, async (page) => {
      let heard = 0
      page.on('websocket', (socket) =>
        socket.on('framereceived', ({ payload }) => {
          heard += Number(String(payload).includes('image.failed'))
        }),
      )
      await page.reload()
      await seeConnection(page, 'live')
      await drop(page, [{ name: 'notes.txt', type: 'text/plain', content: Buffer.from('no image') }])
      const failed = cardOf(page, 'notes.txt').getByText('unsupported-format')
      await failed.waitFor()
      // The photo has failed again by then, and the page has heard of it.
      let answers = 0
      await page.route(/\/photos\/(re)?process$/, async (route) => {
        const response = await route.fetch()
        await until(() => heard >= answers + 2)
        answers++
        await route.fulfill({ response })
      })
      const buttons = ['Process again: notes.txt', 'Process all failed again']
      for (const [i, name] of buttons.entries()) {
        await page.getByRole('button', { name }).click()
        await eventually(() => answers).toBe(i + 1)
        await page.getByText('will be processed again').waitFor({ state: 'attached' })
        expect(await failed.count()).toBe(1)
      }
    })
  }),
)

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

inBrowser('the details show versions, metadata and timeline; a photo can be deleted there', () =>
  withService(async ({ service }) => {
    await withPage(browser(), service.url, async (page) => {
      await drop(page, [{ name: 'lake.jpg', type: 'image/jpeg', content: await jpeg(sample(1200, 800)) }])
      await seeThumbnail(page, 'lake.jpg')
      await page.getByRole('button', { name: 'lake.jpg', exact: true }).click()
      const dialog = page.getByRole('dialog', { name: 'lake.jpg' })
      await dialog.getByRole('row', { name: /original 1,200 × 800/ }).waitFor()
      const link = dialog.getByRole('link', { name: 'Open thumbnail' })
      const answer = await page.request.get(
        new URL((await link.getAttribute('href')) ?? '', service.url).href,
      )
      expect(answer.headers()['content-type']).toBe('image/jpeg')
      await dialog.getByRole('row', { name: /thumbnail 320 × 213/ }).waitFor()
      await dialog.getByText('JPEG', { exact: true }).waitFor()
      await dialog.getByText('Processing · attempt 1').waitFor()
      await dialog.getByText(/^took /).waitFor()

      await dialog.getByRole('button', { name: 'Process again' }).click()
      await dialog.getByText('Completed · attempt 1').nth(1).waitFor()
      await page.keyboard.press('Escape')
      await eventually(() => page.evaluate(() => document.activeElement?.textContent)).toBe('lake.jpg')

      await page.keyboard.press('Enter')
      await dialog.getByRole('button', { name: 'Delete' }).click()
      await dialog.getByRole('button', { name: 'Delete for good?' }).click()
      await dialog.waitFor({ state: 'hidden' })
      await cardOf(page, 'lake.jpg').waitFor({ state: 'detached' })
      await page.reload()
      await page.getByText('No photos yet').waitFor()
    })
  }),
)

inBrowser('a ThumbHash stands for an image that is still loading; what the camera wrote is told', () => {
  const hash = rgbaToThumbHash(
    2,
    2,
    [230, 20, 20, 255, 20, 180, 20, 255, 20, 20, 230, 255, 240, 230, 20, 255],
  )
  const exif = {
    make: 'Nikon',
    model: 'D90',
    exposure_time: 0.0166667,
    f_number: 2.8,
    iso: 1600,
    focal_length: 35,
    taken_at: '2026-05-01T12:34:56',
    gps: { latitude: 52.520008, longitude: 13.404954 },
  }
  const source = { format: 'jpeg', width: 4288, height: 2848, bytes: 5_600_000, exif }
  return withService(
    async ({ service }) => {
      await withPage(browser(), 'about:blank', async (page) => {
        let arrive = () => {}
        const arrived = new Promise<void>((resolve) => {
          arrive = resolve
        })
        await page.route('**/images/*/content?**', async (route) => {
          await arrived
          await route.continue()
        })
        await page.goto(service.url)
        const frame = cardOf(page, 'street.jpg').locator('.frame')
        await frame.waitFor()
        const placeholder = await frame.evaluate((element) => element.style.backgroundImage)
        expect(placeholder).toMatch(/^url\("data:image\/png;base64,/)
        expect(await frame.locator('img.loaded').count()).toBe(0)
        arrive()
        await seeThumbnail(page, 'street.jpg')
        await page.getByRole('button', { name: 'street.jpg', exact: true }).click()
        const facts = page.getByRole('dialog', { name: 'street.jpg' }).locator('dl')
        await facts.waitFor()
        expect((await facts.locator('dd').allTextContents()).slice(1, -2)).toEqual([
          'JPEG',
          '5.6 MB',
          '1 May 2026, 12:34:56',
          'Nikon D90',
          '1/60 s',
          'f/2.8',
          '1,600',
          '35 mm',
          '52.52001°, 13.40495°',
        ])
      })
    },
    {},
    async (app) => {
      const metadata = JSON.stringify({ ...source, thumbhash: Buffer.from(hash).toString('base64') })
      const uuid = await insertPhoto(app, { name: 'street.jpg', status: 'completed', metadata })
      await app.storage.put(renditionKey('00/street.jpg'), await jpeg(sample(320, 213)))
      const thumbnail = { name: 'thumbnail', width: 320, height: 213, url: '00/street.jpg' }
      const row = { ...thumbnail, photo_uuid: uuid, format: 'jpeg', bytes: 1 }
      await app.db.insertInto('photo_thumbnails').values(row).execute()
    },
  )
})

inBrowser('filters by name, code and time are in the address, and clearing them shows all', () =>
  withService(async ({ service }) => {
    const content = await jpeg(sample(320, 240))
    await withPage(browser(), service.url, async (page) => {
      await drop(page, [
        { name: 'Holiday 1.jpg', type: 'image/jpeg', content },
        { name: 'holiday 2.jpg', type: 'image/jpeg', content },
        { name: 'broken.jpg', type: 'image/jpeg', content: content.subarray(0, 700) },
      ])
      await cardOf(page, 'broken.jpg').getByText('corrupt-image').waitFor()
      await seeThumbnail(page, 'holiday 2.jpg')
      const shown = () => page.locator('.card .title').allTextContents()
      await page.getByRole('searchbox', { name: 'Name' }).fill('HOLIDAY')
      await eventually(async () => (await shown()).sort()).toEqual(['Holiday 1.jpg', 'holiday 2.jpg'])
      expect(new URL(page.url()).searchParams.get('name')).toBe('HOLIDAY')
      await page.getByRole('button', { name: 'Clear filters' }).click()
      await eventually(async () => (await shown()).length).toBe(3)
      await page.getByRole('combobox', { name: 'Error' }).fill('corrupt-image')
      await eventually(shown).toEqual(['broken.jpg'])
      await page.goto(`${service.url}/?since=range&to=2001-01-01T00:00`)
      await page.getByText('No photo fits these filters').waitFor()
      await page.getByRole('combobox', { name: 'Added' }).selectOption('Last hour')
      await eventually(async () => (await shown()).length).toBe(3)
    })
  }),
)

inBrowser('a photo whose attempt failed says which, why, and when the next begins', () =>
  withService(
    async ({ service }) => {
      const source = await openSourceServer()
      source.set('/busy.jpg', status(503))
      await withPage(browser(), service.url, async (page) => {
        await seeConnection(page, 'live')
        await postJson(`${service.url}/v1/images`, { url: `${source.url}/busy.jpg` })
        const card = cardOf(page, 'busy.jpg')
        const waits = /^Waiting, attempt 1 of 5 failed, next at \d/
        for (const open of [async () => {}, () => page.reload()]) {
          await open()
          await card.getByText(waits).waitFor()
          await card.getByText('source-unavailable').waitFor()
        }
        await card.getByRole('button', { name: 'busy.jpg', exact: true }).click()
        const dialog = page.getByRole('dialog')
        await dialog.getByText(waits).waitFor()
        await dialog.getByText('Attempt failed · attempt 1').waitFor()
      })
      await source.close()
    },
    { RETRY_BASE_MS: '600000', MAX_ATTEMPTS: '5' },
  ),
)
