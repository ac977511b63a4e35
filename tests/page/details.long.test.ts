import { rgbaToThumbHash } from 'thumbhash'
import { expect } from 'vitest'
import { renditionKey } from '../../lib/storage/port.ts'
import { insertPhoto } from '../functions/support.ts'
import { jpeg, sample } from '../support/images.ts'
import {
  cardOf,
  drop,
  eventually,
  inBrowser,
  seeThumbnail,
  useBrowser,
  withPage,
  withService,
} from './support.ts'

const browser = useBrowser()

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
