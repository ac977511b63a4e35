import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { openImaging } from '../../lib/imaging/index.ts'
import { THUMBNAIL_RECIPE } from '../../lib/imaging/recipe.ts'
import { bundle } from '../../scripts/build/bundle.ts'
import { makeJpeg } from '../lib/imaging/make-jpeg.ts'
import { makeCmykProfile, TABLES } from '../support/cmyk-profiles.ts'
import { jpegWithProfile } from '../support/profiles.ts'

test('a bundle has what reads the profile of CMYK beside it', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'bundle-'))
  const { file } = await bundle('lib/imaging/index.ts', 'imaging', directory)
  const bundled = (await import(pathToFileURL(file).href)) as { openImaging: typeof openImaging }
  const photo = makeJpeg({
    width: 64,
    height: 64,
    components: 4,
    adobe: 0,
    block: (x, y) => [30 * x, 30 * y, 200, 220],
  })
  const source = jpegWithProfile(photo, makeCmykProfile(TABLES.lut16Type))
  const render = async (open: typeof openImaging, bytes: Buffer) => {
    const imaging = open({ threads: 0, maxPixels: 1e6, renderTimeoutMs: 1000 })
    const { renditions } = await imaging.render(Buffer.from(bytes), THUMBNAIL_RECIPE)
    return Buffer.from(renditions[0]?.data ?? expect.fail('no rendition'))
  }
  const shown = await render(bundled.openImaging, source)
  expect(shown).toEqual(await render(openImaging, source))
  expect(shown).not.toEqual(await render(openImaging, photo))
  await rm(directory, { recursive: true })
})
