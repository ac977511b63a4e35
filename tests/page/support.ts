import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { type Environment, SETUPS, withEnvironment } from '../support/app.ts'
import { DEADLINE_MS, type Service, startScript } from '../support/service.ts'

/** A test that needs a browser. */
export const inBrowser = test.skipIf(inject('chromium') === undefined)

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts one browser for the tests of a file, with a new profile and more arguments; returns how to get it. */
export function useBrowser(more: readonly string[] = []): () => Browser {
  let browser: Browser | undefined
  beforeAll(async () => {
    const executablePath = inject('chromium')
    if (executablePath) browser = await chromium.launch({ executablePath, args: [...ARGUMENTS, ...more] })
  })
  afterAll(() => browser?.close())
  return () => {
    if (!browser) throw new Error('There is no browser')
    return browser
  }
}

export type Running = { service: Service; env: Environment }

/** Runs `use` with a service that was started as a user does; `prepare` gets its database before it starts. */
export function withService<T>(
  use: (running: Running) => Promise<T>,
  more: Environment = {},
  prepare?: (app: App) => Promise<void>,
): Promise<T> {
  return withEnvironment(SETUPS[0], async (own) => {
    const env = { ...own, ...more }
    if (prepare) await withDatabase(env, prepare)
    const service = await startScript('start', env, /Photo processor on/)
    try {
      return await use({ service, env })
    } finally {
      await service.kill('SIGKILL')
    }
  })
}

/** Runs `use` with the database of a service, beside it. */
export async function withDatabase(env: Environment, use: (app: App) => Promise<void>): Promise<void> {
  const app = await openApp(readConfig(env))
  try {
    await migrate(app.db)
    await use(app)
  } finally {
    await app.close()
  }
}

/** What a browser complains of when a service is away; a page cannot keep it from doing so. */
export const AWAY = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket connection/

/** Runs `use` with the page, which may complain of nothing: no error, no warning, no violation of its policy. */
export async function withPage<T>(
  browser: Browser,
  url: string,
  use: (page: Page) => Promise<T>,
  { tolerated, ...options }: BrowserContextOptions & { tolerated?: RegExp } = {},
): Promise<T> {
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  try {
    const page = await context.newPage()
    page.setDefaultTimeout(DEADLINE_MS)
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()) && !tolerated?.test(message.text()))
        complaints.push(`${message.text()} ${message.location().url}`)
    })
    await page.goto(url)
    const result = await use(page)
    expect(complaints).toEqual([])
    return result
  } finally {
    await context.close()
  }
}

export type DroppedFile = { name: string; type: string; content: Buffer }

/** Drops files on the page as a visitor does: a drag that enters, hovers and is let go. */
export function drop(page: Page, files: readonly DroppedFile[]): Promise<void> {
  const given = files.map(({ content, ...file }) => ({ ...file, base64: content.toString('base64') }))
  return page.evaluate((dropped) => {
    const transfer = new DataTransfer()
    for (const { name, type, base64 } of dropped) {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
      transfer.items.add(new File([bytes], name, { type }))
    }
    for (const type of ['dragenter', 'dragover', 'drop'])
      document.body.dispatchEvent(
        new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }),
      )
  }, given)
}

/** The card of a photo in the gallery. */
export const cardOf = (page: Page, name: string) =>
  page.locator('.card').filter({ has: page.getByRole('button', { name, exact: true }) })

/** Waits until the card shows its thumbnail, decoded. */
export async function seeThumbnail(page: Page, name: string): Promise<void> {
  const image = cardOf(page, name).locator('img.loaded')
  await image.waitFor()
  expect(await image.evaluate((element) => (element as HTMLImageElement).naturalWidth)).toBeGreaterThan(0)
}

/** Waits until the connection is what it should be. */
export const seeConnection = (page: Page, state: 'live' | 'waiting'): Promise<void> =>
  page.locator(`#connection[data-state=${state}]`).waitFor()

/** Expects something of what `look` finds, if not at once then soon. */
export const eventually = <T>(look: () => T | Promise<T>) => expect.poll(look, { timeout: DEADLINE_MS })
