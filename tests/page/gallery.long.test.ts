import { expect } from 'vitest'
import { jpeg, sample } from '../support/images.ts'
import { postJson, until } from '../support/service.ts'
import { openSourceServer, status } from '../support/source-server.ts'
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
        // The words may be those of the click before: the card shows that it is queued until this answer is there.
        await eventually(() => failed.count()).toBe(1)
      }
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
