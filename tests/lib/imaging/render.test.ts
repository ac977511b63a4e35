import { expect, test } from 'vitest'
import { THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import { renderAll } from '../../../lib/imaging/render.ts'
import * as images from '../../support/images.ts'
import { makeJpeg } from './make-jpeg.ts'
import { limits, render, show, spec } from './rendered.ts'

const picture = images.sample(48, 32)
const jpeg = await images.jpeg(picture)
const png = await images.png(picture)
const webp = await images.webp(picture)

/** A white PNG in grayscale, which is quick to make. */
const whitePng = (width: number, height: number) => {
  const line = Buffer.alloc(1 + width, 255).fill(0, 0, 1)
  return images.rawPng({ width, height, depth: 8, colorType: 0 }, Buffer.concat(new Array(height).fill(line)))
}

const whole = ['red', 'green', 'blue', 'yellow']

test.each([
  ['JPEG', jpeg],
  ['PNG', png],
  ['GIF', await images.gif(picture)],
  ['BMP', await images.bmp(picture)],
  ['WebP', webp],
])('renders a %s', async (_, source) => {
  const { source: info, renditions } = await renderAll(source, THUMBNAIL_RECIPE, limits)
  expect(info).toMatchObject({ width: 48, height: 32, bytes: source.length })
  expect(renditions).toMatchObject([
    { name: 'thumbnail', format: 'jpeg', contentType: 'image/jpeg', width: 48, height: 32 },
  ])
  expect(images.corners(await images.pixels(renditions[0]?.data ?? expect.fail()))).toEqual(whole)
})

test.each(['jpeg', 'png', 'webp'] as const)('writes %s', async (format) => {
  const made = await render(png, 24, 24, format)
  expect(made).toMatchObject({ format, contentType: `image/${format}`, width: 24, height: 16 })
  expect(images.corners(await show(Buffer.from(made.data)))).toEqual(whole)
})

test('makes several renditions of one source, each from the source', async () => {
  const recipe = {
    renditions: [spec('png', 12), { ...spec('png', 48), name: 'same' }, { ...spec('webp', 24), name: 'mid' }],
  }
  const { renditions } = await renderAll(jpeg, recipe, limits)
  expect(renditions.map(({ name, width, height }) => [name, width, height])).toEqual([
    ['small', 12, 8],
    ['same', 48, 32],
    ['mid', 24, 16],
  ])
})

test.each([
  [48, 32, 320, 320, 48, 32],
  [1, 1, 320, 320, 1, 1],
  [1000, 500, 320, 320, 320, 160],
  [500, 1000, 320, 320, 160, 320],
  [1000, 667, 150, 120, 150, 100],
  [1, 10_000, 320, 320, 1, 320],
  [30_000, 750, 320, 320, 320, 8],
  [333, 1000, 100, 100, 33, 100],
])(
  'fits %dx%d into %dx%d as %dx%d',
  async (width, height, boxWidth, boxHeight, expectedWidth, expectedHeight) => {
    const made = await render(whitePng(width, height), boxWidth, boxHeight)
    expect(made).toMatchObject({ width: expectedWidth, height: expectedHeight })
    const shown = await images.pixels(made.data)
    expect(shown.data.every((byte) => byte === 255)).toBe(true)
  },
)

test('refuses an output with a side over 10,000', async () => {
  const source = whitePng(30_000, 10)
  const asItIs = { renditions: [{ name: 'result', operations: [], format: 'png' as const }] }
  const failure = { code: 'output-too-large', status: 422, message: expect.stringContaining('result') }
  await expect(renderAll(source, asItIs, limits)).rejects.toMatchObject(failure)
  await expect(render(source, 20_000)).rejects.toMatchObject({ code: 'output-too-large' })
})

// Where the corners of the stored picture are seen once it is shown, by EXIF 2.3.
const shown: [orientation: number, corners: string[], width: number, height: number][] = [
  [1, ['red', 'green', 'blue', 'yellow'], 48, 32],
  [2, ['green', 'red', 'yellow', 'blue'], 48, 32],
  [3, ['yellow', 'blue', 'green', 'red'], 48, 32],
  [4, ['blue', 'yellow', 'red', 'green'], 48, 32],
  [5, ['red', 'blue', 'green', 'yellow'], 32, 48],
  [6, ['blue', 'red', 'yellow', 'green'], 32, 48],
  [7, ['yellow', 'green', 'blue', 'red'], 32, 48],
  [8, ['green', 'yellow', 'red', 'blue'], 32, 48],
]

test.each(shown)(
  'turns orientation %d upright in JPEG, PNG and WebP',
  async (orientation, corners, width, height) => {
    for (const source of [
      images.jpegWithOrientation(jpeg, orientation),
      images.jpegWithOrientation(jpeg, orientation, 'II'),
      images.pngWithOrientation(png, orientation),
      images.webpWithOrientation(webp, picture, orientation),
    ]) {
      const upright = await show(source)
      expect(upright).toMatchObject({ width, height })
      expect(images.corners(upright)).toEqual(corners)
    }
  },
)

test('fits the picture as shown, and strips the metadata', async () => {
  const made = await render(images.jpegWithOrientation(jpeg, 6), 24, 24, 'jpeg')
  expect(made).toMatchObject({ width: 16, height: 24 })
  expect(Buffer.from(made.data).includes('Exif')).toBe(false)
})

test('reads 16-bit PNG, with and without alpha', async () => {
  const rgb = images.rawPng(
    { width: 1, height: 1, depth: 16, colorType: 2 },
    Buffer.from('00ffff80ff0000', 'hex'),
  )
  expect(images.pixelAt(await show(rgb), 0, 0)).toEqual([255, 128, 0, 255])
  const rgba = images.rawPng(
    { width: 1, height: 1, depth: 16, colorType: 6 },
    Buffer.from('00ffff000000004080', 'hex'),
  )
  expect(images.pixelAt(await show(rgba), 0, 0)).toEqual([255, 0, 0, 64])
  const grey = images.rawPng({ width: 1, height: 1, depth: 16, colorType: 0 }, Buffer.from('008080', 'hex'))
  expect(images.pixelAt(await show(grey), 0, 0)).toEqual([128, 128, 128, 255])
})

test('reads interlaced PNG, and one with bytes after its end', async () => {
  // Of 2x2 pixels, Adam7 sends the first, then the one right of it (pass 6), then the row below (pass 7).
  const lines = Buffer.from('00ff0000' + '0000ff00' + '000000ffffffff', 'hex')
  const interlaced = images.rawPng({ width: 2, height: 2, depth: 8, colorType: 2, interlace: 1 }, lines)
  const upright = await show(Buffer.concat([interlaced, Buffer.from('trailing')]))
  expect([...upright.data]).toEqual([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255])
})

test.each([
  ['CMYK as Adobe stores it, inverted', 0, 4, [0, 255, 255, 255], 'cyan'],
  ['CMYK black', 0, 4, [255, 255, 255, 0], 'black'],
  ['CMYK magenta', 0, 4, [255, 0, 255, 255], 'magenta'],
  ['YCCK white, inverted too', 2, 4, [0, 128, 128, 255], 'white'],
  ['RGB, not YCbCr', 0, 3, [0, 255, 255], 'cyan'],
] as const)('shows the colours of a JPEG in %s', async (_, adobe, components, samples, colour) => {
  const source = makeJpeg({ width: 16, height: 16, block: () => samples, components, adobe })
  expect(images.colourAt(await show(source), 8, 8)).toBe(colour)
})

test('reads grayscale, extended and progressive JPEG', async () => {
  for (const options of [
    { components: 1 as const },
    { frame: 0xc1 },
    { frame: 0xc2 },
    { frame: 0xc2, scans: 100 },
  ]) {
    const left = (column: number) => (column < 2 ? [255, 128, 128] : [0, 128, 128])
    const upright = await show(makeJpeg({ width: 30, height: 20, block: left, ...options }))
    expect(upright).toMatchObject({ width: 30, height: 20 })
    expect(images.corners(upright)).toEqual(['white', 'black', 'white', 'black'])
  }
})

test('keeps transparency in PNG and WebP and lays it on white in JPEG', async () => {
  const half = images.paint(16, 16, (x) => (x < 8 ? [0, 0, 0, 0] : [255, 0, 0, 128]))
  for (const source of [await images.png(half), await images.webp(half)]) {
    for (const format of ['png', 'webp'] as const) {
      const kept = await show(Buffer.from((await render(source, 16, 16, format)).data))
      expect([images.pixelAt(kept, 1, 8)[3], images.pixelAt(kept, 14, 8)[3]]).toEqual([0, 128])
    }
    const onWhite = await images.pixels((await render(source, 16, 16, 'jpeg')).data)
    expect(images.colourAt(onWhite, 1, 8)).toBe('white')
    const [red, green, blue] = images.pixelAt(onWhite, 14, 8)
    expect(red).toBeGreaterThan(245)
    expect(Math.abs((green ?? 0) - 127)).toBeLessThan(10)
    expect(Math.abs((blue ?? 0) - 127)).toBeLessThan(10)
  }
})

test('shows the first frame of an animated WebP where it lies on the canvas', async () => {
  const frame = Buffer.alloc(16)
  frame.set([8, 0, 0, 4, 0, 0, 47, 0, 0, 31, 0, 0])
  const animation = Buffer.concat([frame, webp.subarray(12)])
  const source = images.extendedWebp(64, 40, 18, [
    images.riffChunk('ANIM', Buffer.alloc(6)),
    images.riffChunk('ANMF', animation),
  ])
  const upright = await show(source)
  expect(upright).toMatchObject({ width: 64, height: 40 })
  expect([
    images.pixelAt(upright, 0, 0)[3],
    images.colourAt(upright, 16, 8),
    images.colourAt(upright, 63, 39),
  ]).toEqual([0, 'red', 'yellow'])
})

test('names the rendition that failed, and no path', async () => {
  const unknown = {
    renditions: [{ name: 'odd', operations: [{ op: 'swirl' } as never], format: 'png' as const }],
  }
  await expect(renderAll(png, unknown, limits)).rejects.toMatchObject({
    code: 'invalid-recipe',
    message: 'odd: Unknown operation swirl',
  })
})
