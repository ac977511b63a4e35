import { expect } from 'vitest'
import { insertPhoto } from '../functions/support.ts'
import { jpeg, sample } from '../support/images.ts'
import { freePort, startScript } from '../support/service.ts'
import {
  AWAY,
  cardOf,
  inBrowser,
  seeConnection,
  seeThumbnail,
  useBrowser,
  withDatabase,
  withPage,
  withService,
} from './support.ts'

const browser = useBrowser()

/** Uploads a photo as another client does. */
async function uploadTo(url: string, name: string): Promise<void> {
  const form = new FormData()
  form.append('image', new Blob([new Uint8Array(await jpeg(sample(640, 480)))], { type: 'image/jpeg' }), name)
  const answer = await fetch(`${url}/upload`, { method: 'POST', body: form })
  expect(answer.status).toBe(202)
}

inBrowser(
  'a page comes back by itself when the service was killed, and shows what came meanwhile',
  async () => {
    const PORT = String(await freePort())
    await withService(
      async ({ service, env }) => {
        await withPage(
          browser(),
          service.url,
          async (page) => {
            await seeConnection(page, 'live')
            await uploadTo(service.url, 'before.jpg')
            await seeThumbnail(page, 'before.jpg')
            await service.kill('SIGKILL')
            await page.getByRole('status').getByText('Connection lost, trying again').waitFor()
            expect(await cardOf(page, 'before.jpg').isVisible()).toBe(true)
            await page.getByRole('button', { name: 'before.jpg', exact: true }).click()
            const dialog = page.getByRole('dialog')
            await dialog.getByText('The service does not answer').waitFor()
            await page.keyboard.press('Escape')

            const again = await startScript('start', env, /Photo processor on/)
            try {
              await uploadTo(again.url, 'meanwhile.jpg')
              await page.getByRole('status').getByText('Live').waitFor()
              await seeThumbnail(page, 'meanwhile.jpg')
              await uploadTo(again.url, 'after.jpg')
              await seeThumbnail(page, 'after.jpg')
              await page.getByRole('radio', { name: 'Completed 3' }).waitFor()
            } finally {
              await again.kill('SIGKILL')
            }
          },
          { tolerated: AWAY },
        )
      },
      { PORT },
    )
  },
)

inBrowser('a page whose service was away when it was opened shows the photos once it is there', async () => {
  const PORT = String(await freePort())
  await withService(
    async ({ service, env }) => {
      await uploadTo(service.url, 'early.jpg')
      await withPage(
        browser(),
        service.url,
        async (page) => {
          await seeThumbnail(page, 'early.jpg')
          let away = true
          await page.route('**/photos?**', (route) =>
            away ? route.abort('connectionrefused') : route.continue(),
          )
          await page.reload()
          await page.getByText('The service does not answer (unreachable)').waitFor()
          await service.kill('SIGKILL')
          await seeConnection(page, 'waiting')
          away = false
          const again = await startScript('start', env, /Photo processor on/)
          await seeThumbnail(page, 'early.jpg').finally(() => again.kill('SIGKILL'))
        },
        { tolerated: AWAY },
      )
    },
    { PORT },
  )
})

inBrowser('a page that comes back after a day reads everything anew', () =>
  withService(async ({ service, env }) => {
    const context = await browser().newContext()
    const page = await context.newPage()
    const day = 24 * 3_600_000
    let connections = 0
    let cut = () => {}
    // As if the page had slept: the cursor that it sends is two days old.
    await page.routeWebSocket(/\/ws$/, (socket) => {
      const server = socket.connectToServer()
      connections++
      cut = () => void socket.close()
      socket.onMessage((text) => {
        const message = JSON.parse(String(text)) as { after?: string }
        const hex = (Date.now() - 2 * day).toString(16).padStart(12, '0')
        const after = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
        server.send(JSON.stringify(connections > 1 && message.after ? { ...message, after } : message))
      })
    })
    await page.goto(service.url)
    await seeConnection(page, 'live')
    // Without an event: only who reads the list anew can know of it.
    await withDatabase(env, async (app) => void (await insertPhoto(app, { name: 'by hand' })))
    cut()
    await cardOf(page, 'by hand').waitFor()
    await seeConnection(page, 'live')
    expect(connections).toBe(2)
    await context.close()
  }),
)
