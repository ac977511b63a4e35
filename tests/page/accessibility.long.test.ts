import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { jpeg, sample } from '../support/images.ts'
import {
  cardOf,
  drop,
  inBrowser,
  seeConnection,
  seeThumbnail,
  useBrowser,
  withPage,
  withService,
} from './support.ts'

const browser = useBrowser()

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong, with the elements. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const results = await page.evaluate(() =>
    (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  )
  expect(results.passes.length).toBeGreaterThan(10)
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

/** Three photos, one of them failed, and a file that was not accepted. */
async function fill(page: Page): Promise<void> {
  const content = await jpeg(sample(640, 480))
  await drop(page, [
    { name: 'one.jpg', type: 'image/jpeg', content },
    { name: 'two.jpg', type: 'image/jpeg', content },
    { name: 'broken.jpg', type: 'image/jpeg', content: content.subarray(0, 900) },
    { name: 'empty.jpg', type: 'image/jpeg', content: Buffer.alloc(0) },
  ])
  await seeThumbnail(page, 'two.jpg')
  await cardOf(page, 'broken.jpg').getByText('corrupt-image').waitFor()
  await page.getByText('empty-source').waitFor()
}

inBrowser('axe finds no violation: empty, list and dialog, in light and dark', () =>
  withService(async ({ service }) => {
    await withPage(browser(), service.url, async (page) => {
      await page.getByText('No photos yet').waitFor()
      expect.soft(await violations(page)).toEqual([])
      await fill(page)
      await page.getByRole('button', { name: 'Paste addresses' }).click()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        expect.soft(await violations(page), `list, ${colorScheme}`).toEqual([])
        for (const name of ['one.jpg', 'broken.jpg']) {
          await page.getByRole('button', { name, exact: true }).click()
          await page.getByRole('dialog', { name }).getByText('Timeline').waitFor()
          expect.soft(await violations(page), `${name}, ${colorScheme}`).toEqual([])
          await page.keyboard.press('Escape')
        }
      }
    })
  }),
)

inBrowser('the keyboard reaches everything, and focus comes back where it was', () =>
  withService(async ({ service }) => {
    await withPage(browser(), service.url, async (page) => {
      const focused = () =>
        page.evaluate(() => {
          const { activeElement: at } = document
          return at?.getAttribute('aria-label') ?? at?.getAttribute('name') ?? at?.textContent?.trim()
        })
      await fill(page)
      await page.getByRole('button', { name: 'Clear', exact: true }).click()
      await page.getByRole('button', { name: 'Process all failed again' }).waitFor()
      await page.getByRole('button', { name: 'Choose photos' }).focus()
      const order: (string | undefined)[] = [await focused()]
      for (let i = 0; i < 9; i++) {
        await page.keyboard.press('Tab')
        order.push(await focused())
      }
      expect(order).toEqual([
        'Choose photos',
        'Paste addresses',
        'status',
        'name',
        'code',
        'since',
        'Process all failed again',
        'broken.jpg',
        'Process again: broken.jpg',
        'two.jpg',
      ])
      await page.keyboard.press('ArrowRight')
      expect(await focused()).toBe('one.jpg')
      await page.keyboard.press('Enter')
      const dialog = page.getByRole('dialog', { name: 'one.jpg' })
      await dialog.getByText('Timeline').waitFor()
      expect(await focused()).toBe('Close')
      await page.keyboard.press('Enter')
      await dialog.waitFor({ state: 'hidden' })
      expect(await focused()).toBe('one.jpg')
      const announced = page.locator('[aria-live=polite]')
      await announced.getByText('2 completed, 1 failed').waitFor({ state: 'attached' })
    })
  }),
)

inBrowser('a phone 320 pixels wide shows all without scrolling sideways, in the dates of its locale', () =>
  withService(async ({ service }) => {
    const phone = { viewport: { width: 320, height: 640 }, locale: 'de-DE', timezoneId: 'Europe/Berlin' }
    await withPage(
      browser(),
      service.url,
      async (page) => {
        const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        await seeConnection(page, 'live')
        await fill(page)
        expect(await overflow()).toBe(0)
        await page.getByRole('button', { name: 'one.jpg', exact: true }).click()
        const dialog = page.getByRole('dialog', { name: 'one.jpg' })
        await dialog.getByText(/^\d\d?\.\d\d?\.\d{4}, \d\d:\d\d:\d\d$/).waitFor()
        expect(await dialog.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0)
        expect(await overflow()).toBe(0)
      },
      phone,
    )
  }),
)
