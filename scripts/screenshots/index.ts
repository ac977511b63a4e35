import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import { readArguments } from '../arguments.ts'
import { startRole } from '../bench/service.ts'
import { draw, SCENES } from './scenes.ts'

/** Makes `docs/page-light.png` and `docs/page-dark.png` of the page with photos; those of a directory may be named. */

const SIZE = { width: 1280, height: 836 }

type Photo = { name: string; mimeType: string; buffer: Buffer }

const USAGE = 'Usage: npm run screenshots -- [directory of photos]'

await main(
  readArguments(USAGE, (args) => {
    const [directory, more] = parseArgs({ args, allowPositionals: true, options: {} }).positionals
    if (more !== undefined) throw new Error('Name one directory')
    return directory
  }),
)

async function main(directory: string | undefined): Promise<void> {
  const work = await mkdtemp(path.join(tmpdir(), 'screenshots-'))
  const service = await startRole('all', {
    STORAGE_DIR: path.join(work, 'files'),
    DATABASE_URL: `sqlite:${path.join(work, 'photos.db')}`,
    PORT: '3900',
  })
  const browser = await chromium.launch({
    executablePath: process.env.TEST_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
  try {
    const photos = await samplePhotos(directory)
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport: SIZE, colorScheme, locale: 'en-GB' })
      await page.goto(service.url)
      await page.getByText('Live').waitFor()
      if (colorScheme === 'light') await upload(page, photos)
      await page
        .locator('img.loaded')
        .nth(photos.length - 3)
        .waitFor()
      await page.getByRole('radio', { name: `Completed ${photos.length - 2}` }).waitFor()
      await page.waitForTimeout(500)
      const file = `docs/page-${colorScheme}.png`
      const picture = await sharp(await page.screenshot())
        .png({ palette: true, dither: 0.4, effort: 10 })
        .toBuffer()
      await writeFile(file, picture)
      console.log(`${file}  ${Math.round(picture.byteLength / 1000)} kB`)
    }
  } finally {
    await browser.close()
    await service.stop()
    await rm(work, { recursive: true })
  }
}

/** Photos of a directory before those drawn in code, and two files that fail. */
async function samplePhotos(directory: string | undefined): Promise<Photo[]> {
  const drawn: Photo[] = []
  for (const scene of SCENES)
    drawn.push({ name: scene.name, mimeType: 'image/jpeg', buffer: await draw(scene) })
  const cut = {
    name: 'Cut off.jpg',
    mimeType: 'image/jpeg',
    buffer: drawn[4]?.buffer.subarray(0, 40_000) ?? Buffer.alloc(0),
  }
  const text = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no image') }
  return [...drawn.slice(0, 2), cut, text, ...drawn.slice(2), ...(await photosOf(directory))]
}

async function photosOf(directory: string | undefined): Promise<Photo[]> {
  if (!directory) return []
  const names = (await readdir(directory)).filter((name) => name.endsWith('.jpg'))
  return Promise.all(
    names.map(async (name) => ({
      name,
      mimeType: 'image/jpeg',
      buffer: await readFile(path.join(directory, name)),
    })),
  )
}

async function upload(page: Page, photos: readonly Photo[]): Promise<void> {
  await page.locator('#files').setInputFiles([...photos])
  await page.getByText(`${photos.length} of ${photos.length} files uploaded`).waitFor()
  await page.getByText(`${photos.length - 2} completed · 2 failed`).waitFor()
  await page.getByRole('button', { name: 'Clear', exact: true }).click()
}
