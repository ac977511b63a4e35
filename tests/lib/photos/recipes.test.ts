import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { probe } from '../../../lib/imaging/probe.ts'
import { PROJECT_RECIPE } from '../../../lib/imaging/recipe.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import { primaryOf } from '../../../lib/renditions/path.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import * as images from '../../support/images.ts'
import { bytes, sequence } from '../../support/source-server.ts'
import { makeJpeg } from '../imaging/make-jpeg.ts'
import {
  attempt,
  expectCompleted,
  expectFailed,
  inspect,
  type Pipeline,
  sharedPipeline,
  withConfig,
  withPipeline,
} from './support.ts'

const pipeline = sharedPipeline(SETUPS[0])
const picture = images.sample(400, 300)
const jpeg = await images.jpeg(picture)

const FIT = { op: 'fit', width: 100, height: 100 }

/** Inserts a photo with a recipe of its own. */
function addWithRecipe({ app, source }: Pipeline, recipe: unknown, route = bytes(jpeg)): Promise<string> {
  source.set('/with-recipe', route)
  return insertPhoto(app, { url: `${source.url}/with-recipe`, recipe: JSON.stringify(recipe) })
}

describe.for(SETUPS)('a recipe of several renditions on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('makes all of them from one download, and leaves none when the photo fails later', () =>
    withPipeline(setup, async (pipeline) => {
      const { app, source } = pipeline
      const large = await images.jpeg(images.paint(1200, 900, () => images.COLOURS.magenta))
      const uuid = await addWithRecipe(pipeline, PROJECT_RECIPE, sequence(bytes(large), bytes('broken')))
      expect(await processPhoto(app, uuid)).toBe('completed')
      const { thumbnails, files, timeline } = await inspect(pipeline, uuid)
      const folder = uuid.slice(-2)
      expect(thumbnails.map(({ name, width, height, url }) => [name, width, height, url])).toEqual([
        ['big_1920', 1200, 900, `${folder}/${uuid}-big_1920.jpg`],
        ['big_thumb', 700, 525, `${folder}/${uuid}-big_thumb.jpg`],
        ['d2500', 1200, 900, `${folder}/${uuid}-d2500.jpg`],
        ['thumb', 150, 113, `${folder}/${uuid}.jpg`],
      ])
      expect(files.sort()).toEqual(thumbnails.map(({ url }) => path.join(app.config.thumbsDir, url)).sort())
      for (const { url, width, height, bytes } of thumbnails) {
        const data = await app.storage.read(`thumbs/${url}`, 10_000_000)
        const shown = await images.pixels(data ?? Buffer.alloc(0))
        expect([data?.length, shown.width, shown.height]).toEqual([bytes, width, height])
        expect(images.colourAt(shown, 0, 0)).toBe('magenta')
      }
      expect(timeline.map(({ type }) => type)).toEqual(['image.processing', 'image.uploaded'])
      expect(source.hits).toHaveLength(1)

      expect(await requestProcessing(app, [uuid], true)).toMatchObject({ accepted: [uuid] })
      expect(await processPhoto(app, uuid)).toBe('failed')
      await expectFailed(pipeline, uuid, 'unsupported-format')
    }),
  )

  on('is given up at once where it asks for what is unknown', () =>
    withPipeline(setup, async (pipeline) => {
      const operations = [FIT, { op: 'paint' }]
      const uuid = await addWithRecipe(pipeline, {
        renditions: [{ name: 'result', operations, format: 'png' }],
      })
      expect(await processPhoto(pipeline.app, uuid)).toBe('failed')
      await expectFailed(pipeline, uuid, 'invalid-recipe')
    }),
  )
})

test.each(['png', 'webp'] as const)('stores a result in %s as the primary rendition', async (format) => {
  const uuid = await addWithRecipe(pipeline(), {
    renditions: [{ name: 'result', operations: [FIT], format }],
  })
  expect(await processPhoto(pipeline().app, uuid)).toBe('completed')
  const { thumbnails, files } = await inspect(pipeline(), uuid)
  const url = `${uuid.slice(-2)}/${uuid}.${format}`
  expect(thumbnails).toMatchObject([{ name: 'result', format, width: 100, height: 75, url }])
  expect(files).toEqual([path.join(pipeline().app.config.thumbsDir, url)])
  const data = (await pipeline().app.storage.read(`thumbs/${url}`, 1_000_000)) ?? Buffer.alloc(0)
  expect(probe(data, 100_000)).toMatchObject({ format, width: 100, height: 75, bytes: thumbnails[0]?.bytes })
})

test.each([
  { names: ['thumb', 'result', 'thumbnail', 'small'], primary: 'thumbnail' },
  { names: ['small', 'large'], primary: 'small' },
])('keeps $names in files of their own, $primary as the primary rendition', async ({ names, primary }) => {
  const { app } = pipeline()
  const renditions = names.map((name, index) => ({
    name,
    operations: [{ op: 'fit', width: 100 + index, height: 100 }],
    format: 'png',
  }))
  const uuid = await addWithRecipe(pipeline(), { renditions })
  expect(await processPhoto(app, uuid)).toBe('completed')
  const { thumbnails } = await inspect(pipeline(), uuid)
  const stored = thumbnails.map(async ({ name, url }) => {
    const data = await app.storage.read(`thumbs/${url}`, 1_000_000)
    return [name, url, probe(data ?? Buffer.alloc(0), 100_000).width]
  })
  const expected = names.map((name, index) => [
    name,
    `${uuid.slice(-2)}/${uuid}${name === primary ? '' : `-${name}`}.png`,
    100 + index,
  ])
  expect(await Promise.all(stored)).toEqual(expected.sort())
  expect(primaryOf(thumbnails)?.name).toBe(primary)
})

test.each([[['a', 'a']], [['a', 'A']], [['original']]])(
  'is given up at once where its renditions are named %o: their files or versions would be one',
  async (names) => {
    const renditions = names.map((name) => ({ name, operations: [FIT], format: 'png' }))
    const uuid = await addWithRecipe(pipeline(), { renditions })
    expect(await processPhoto(pipeline().app, uuid)).toBe('failed')
    await expectFailed(pipeline(), uuid, 'invalid-recipe')
  },
)

test.each([
  ['jpeg', jpeg],
  ['png', await images.png(picture)],
  ['gif', await images.gif(picture)],
  ['bmp', await images.bmp(picture)],
  ['webp', await images.webp(picture)],
])('makes a thumbnail of a %s', async (format, source) => {
  const { uuid, outcome } = await attempt(pipeline(), source)
  expect(outcome).toBe('completed')
  const { thumbnail, data, metadata } = await expectCompleted(pipeline(), uuid)
  const shown = await images.pixels(data)
  expect([...data.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff])
  expect([shown.width, shown.height]).toEqual([320, 240])
  expect(thumbnail).toMatchObject({ width: 320, height: 240 })
  expect(images.corners(shown)).toEqual(['red', 'green', 'blue', 'yellow'])
  expect(metadata).toEqual({
    format,
    contentType: `image/${format}`,
    width: 400,
    height: 300,
    bytes: source.length,
    exif: null,
    thumbhash: expect.stringMatching(/^[\w+/]{20,40}=*$/),
  })
})

const white = (width: number, height: number) =>
  images.rawPng({ width, height, depth: 8, colorType: 0 }, whiteLines(width, height))

function whiteLines(width: number, height: number): Buffer {
  const lines = Buffer.alloc((width + 1) * height, 255)
  for (let y = 0; y < height; y++) lines[y * (width + 1)] = 0
  return lines
}

test.each([
  [1, 1, 1, 1],
  [200, 100, 200, 100],
  [320, 320, 320, 320],
  [321, 320, 320, 319],
  [500, 1000, 160, 320],
  [1, 10_000, 1, 320],
  [30_000, 750, 320, 8],
])('fits a PNG of %dx%d as %dx%d, never enlarged', async (width, height, fitWidth, fitHeight) => {
  const { uuid } = await attempt(pipeline(), white(width, height))
  const { thumbnail, data, metadata } = await expectCompleted(pipeline(), uuid)
  const shown = await images.pixels(data)
  expect([shown.width, shown.height]).toEqual([fitWidth, fitHeight])
  expect([thumbnail.width, thumbnail.height]).toEqual([fitWidth, fitHeight])
  expect(metadata).toMatchObject({ width, height })
})

test.each([
  [
    'CMYK JPEG',
    'red',
    makeJpeg({ width: 40, height: 24, components: 4, adobe: 0, block: () => [255, 0, 0, 255] }),
  ],
  ['grayscale JPEG', 'grey', makeJpeg({ width: 40, height: 24, components: 1, block: () => [128] })],
  [
    'progressive JPEG',
    'grey',
    makeJpeg({ width: 40, height: 24, frame: 0xc2, block: () => [128, 128, 128] }),
  ],
  [
    '16-bit PNG',
    'blue',
    images.rawPng(
      { width: 40, height: 24, depth: 16, colorType: 2 },
      Buffer.concat(new Array(24).fill(Buffer.from(`00${'00000000ffff'.repeat(40)}`, 'hex'))),
    ),
  ],
] as const)('makes a thumbnail of a %s in its colour', async (_, colour, source) => {
  const { uuid } = await attempt(pipeline(), source)
  const { thumbnail, data } = await expectCompleted(pipeline(), uuid)
  expect(thumbnail).toMatchObject({ width: 40, height: 24 })
  expect(images.corners(await images.pixels(data))).toEqual([colour, colour, colour, colour])
})

// Where the corners of the stored picture are seen once it is shown, by EXIF 2.3.
test.each([
  [1, ['red', 'green', 'blue', 'yellow']],
  [2, ['green', 'red', 'yellow', 'blue']],
  [3, ['yellow', 'blue', 'green', 'red']],
  [4, ['blue', 'yellow', 'red', 'green']],
  [5, ['red', 'blue', 'green', 'yellow']],
  [6, ['blue', 'red', 'yellow', 'green']],
  [7, ['yellow', 'green', 'blue', 'red']],
  [8, ['green', 'yellow', 'red', 'blue']],
])('shows orientation %d upright and drops it', async (orientation, corners) => {
  const { uuid } = await attempt(pipeline(), images.jpegWithOrientation(jpeg, orientation))
  const { thumbnail, data, metadata } = await expectCompleted(pipeline(), uuid)
  const [width, height] = orientation < 5 ? [400, 300] : [300, 400]
  expect(metadata).toMatchObject({ width, height })
  expect(thumbnail).toMatchObject({ width: (width * 4) / 5, height: (height * 4) / 5 })
  expect(images.corners(await images.pixels(data))).toEqual(corners)
  expect(Buffer.from(data).includes('Exif')).toBe(false)
})

test('operations that cost too much on this source fail the photo at once', () =>
  withConfig(pipeline(), { maxJobCost: 17 }, async (thrifty) => {
    const blurs = { name: 'result', format: 'png', operations: Array(18).fill({ op: 'blur', radius: 5 }) }
    const uuid = await addWithRecipe(thrifty, { renditions: [blurs] })
    expect(await processPhoto(thrifty.app, uuid)).toBe('failed')
    const { photo } = await expectFailed(thrifty, uuid, 'too-costly')
    expect(photo.error).toBe('The operations cost 18 megapixels, more than the 17 allowed')
  }))
