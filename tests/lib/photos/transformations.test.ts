import { expect, test } from 'vitest'
import { renderAll } from '../../../lib/imaging/render.ts'
import { parseTransformations } from '../../../lib/photos/transformations.ts'
import * as images from '../../support/images.ts'

const limits = { maxPixels: 50_000_000 }
const source = await images.png(images.sample(60, 30))

/** The image that transformations make of a picture of 60x30 with a colour in each corner. */
async function make(...transformations: string[]) {
  const { renditions } = await renderAll(source, parseTransformations(transformations), limits)
  const [made] = renditions
  if (!made) throw new Error('nothing was made')
  return made
}

const cornersOf = async (made: { data: Uint8Array }) => images.corners(await images.pixels(made.data))

const AS_IT_IS = ['red', 'green', 'blue', 'yellow']

test.each([
  [[], 60, 30, AS_IT_IS],
  [['resize:20x40'], 20, 40, AS_IT_IS],
  [['fit:20x20'], 20, 10, AS_IT_IS],
  [['fit:600x600'], 60, 30, AS_IT_IS],
  [['crop:0,0,20,10'], 20, 10, ['red', 'red', 'red', 'red']],
  [['crop:40,20,20,10'], 20, 10, ['yellow', 'yellow', 'yellow', 'yellow']],
  [['rotate:90'], 30, 60, ['blue', 'red', 'yellow', 'green']],
  [['rotate:180'], 60, 30, ['yellow', 'blue', 'green', 'red']],
  [['rotate:270'], 30, 60, ['green', 'yellow', 'red', 'blue']],
  [['flip:h'], 60, 30, ['green', 'red', 'yellow', 'blue']],
  [['flip:v'], 60, 30, ['blue', 'yellow', 'red', 'green']],
  [['rotate:90', 'flip:h', 'fit:15x60'], 15, 30, ['red', 'blue', 'green', 'yellow']],
  [['cover:120x60'], 120, 60, AS_IT_IS],
] as [string[], number, number, string[]][])(
  '%j makes %dx%d',
  async (transformations, width, height, shown) => {
    const made = await make(...transformations)
    expect(made).toMatchObject({ name: 'result', format: 'png', width, height })
    expect(await cornersOf(made)).toEqual(shown)
  },
)

test('cover cuts what does not fit from both sides alike', async () => {
  const { width, height, data } = await make('cover:10x30')
  expect([width, height]).toEqual([10, 30])
  // The middle third is the gradient: none of the corners' colours.
  const [red, green] = images.pixelAt(await images.pixels(data), 5, 15)
  expect(red).toBeGreaterThan(100)
  expect(red).toBeLessThan(160)
  expect(Math.abs((green ?? 0) - 128)).toBeLessThan(20)
})

test('grayscale leaves no colour, and blur no edge', async () => {
  const grey = await images.pixels((await make('grayscale')).data)
  for (let x = 0; x < 60; x += 7) {
    const [red, green, blue] = images.pixelAt(grey, x, 12)
    expect([green, blue]).toEqual([red, red])
  }
  const stripes = await images.png(
    images.paint(40, 40, (x) => (x < 20 ? images.COLOURS.white : images.COLOURS.black)),
  )
  const { renditions } = await renderAll(stripes, parseTransformations(['blur:8']), limits)
  const blurred = await images.pixels(renditions[0]?.data ?? expect.fail())
  const levels = [...Array(40).keys()].map((x) => images.pixelAt(blurred, x, 20)[0] ?? 0)
  const steps = levels.slice(1).map((level, i) => Math.abs(level - (levels[i] ?? 0)))
  expect(Math.max(...steps)).toBeLessThan(60)
})

test.each([
  [['format:jpeg'], 'image/jpeg'],
  [['format:webp', 'quality:1'], 'image/webp'],
  [['quality:100', 'format:jpeg'], 'image/jpeg'],
])('%j makes %s', async (transformations, contentType) => {
  expect(await make(...transformations)).toMatchObject({ contentType, width: 60, height: 30 })
})

test('a crop beyond the image fails with a code of its own', async () => {
  await expect(make('crop:50,0,20,10')).rejects.toMatchObject({
    code: 'crop-outside',
    status: 422,
    retry: false,
  })
})

test.each([
  ['swirl', /^is none of resize, /],
  ['', /^is none of /],
  ['Resize:1x1', /^is none of /],
  ['resize:0x10', /^must be resize:WxH/],
  ['resize:10001x1', /^must be resize:WxH/],
  ['resize:1e3x5', /^must be resize:WxH/],
  ['resize:100', /^must be resize:WxH/],
  ['resize:010x5', /^must be resize:WxH/],
  ['resize:9000x9000', /at most 50 megapixels$/],
  ['fit:1x2x3', /^must be fit:WxH/],
  ['cover:-1x5', /^must be cover:WxH/],
  ['crop:1,2,3', /^must be crop:X,Y,W,H/],
  ['crop:0,0,0,1', /^must be crop:X,Y,W,H/],
  ['grayscale:', /^must be grayscale/],
  ['grayscale:1', /^must be grayscale/],
  ['rotate:45', /^must be rotate:90/],
  ['flip:x', /^must be flip:h/],
  ['blur:0', /^must be blur:R/],
  ['blur:101', /^must be blur:R/],
  ['format:gif', /^must be format:jpeg, format:png or format:webp$/],
  ['format', /^must be format:jpeg/],
  ['format:', /^must be format:jpeg/],
  ['formats:png', /^is none of resize, .*, format, quality$/],
  ['quality:0', /^must be quality:Q, from 1 to 100$/],
  ['quality:101', /^must be quality:Q/],
  ['quality:5.5', /^must be quality:Q/],
  ['quality', /^must be quality:Q/],
  ['fit:1x1\n', /^must be fit:WxH|^is none of/],
  ['fit:１x１', /^must be fit:WxH/],
  ['constructor:1', /^is none of/],
  ['quality:50', /means nothing for PNG/],
])('%j is refused where it stands', (text, detail) => {
  const expected = {
    status: 422,
    errors: [{ pointer: '/transformations/1', detail: expect.stringMatching(detail) }],
  }
  expect(() => parseTransformations(['grayscale', text])).toThrow(expect.objectContaining(expected))
})

test.each([
  [Array(21).fill('grayscale'), '/transformations'],
  [['format:png', 'format:webp'], '/transformations/1'],
  [['format:webp', 'quality:5', 'quality:6'], '/transformations/2'],
])('refuses too much of it: %j', (list, pointer) => {
  expect(() => parseTransformations(list)).toThrow(
    expect.objectContaining({ errors: [expect.objectContaining({ pointer })] }),
  )
})

test.each([
  [
    ['swirl', 'grayscale', 'blur:0', 'format:gif', 'quality:50'],
    ['0 is none of', '2 must be blur', '3 must be format'],
  ],
  [
    ['rotate:1', 'quality:50'],
    ['0 must be rotate', '1 means nothing for PNG'],
  ],
  [
    ['quality:0', 'quality:5', 'format:png'],
    ['0 must be quality', '1 means nothing for PNG'],
  ],
])('names every wrong entry of %j', (list, expected) => {
  const errors = expected.map((text) => {
    const [index, ...detail] = text.split(' ')
    return { pointer: `/transformations/${index}`, detail: expect.stringContaining(detail.join(' ')) }
  })
  expect(() => parseTransformations(list)).toThrow(expect.objectContaining({ code: 'invalid', errors }))
})
