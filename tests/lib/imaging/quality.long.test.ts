import sharp from 'sharp'
import { expect, test } from 'vitest'
import { PROJECT_RECIPE, THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import { measureQuality, type Quality } from '../../../scripts/bench/imaging/quality.ts'

/** How much structural similarity the picture may lose beside sharp's own. */
const MOST_LOST = 0.003

type Paint = (x: number, y: number, width: number, height: number) => readonly [number, number, number]

/** A small hash of a place, 0..1: grain that is the same in every run. */
function grain(x: number, y: number): number {
  const mixed = Math.imul(x * 374_761_393 + y * 668_265_263, 1_274_126_177)
  return ((mixed ^ (mixed >>> 13)) >>> 8) / 2 ** 24
}

const pictures: Record<string, Paint> = {
  /** Ever finer waves, and grain. */
  texture: (x, y, width, height) => {
    const waves = 40 * Math.sin((x * x) / (width * 2)) + 30 * Math.sin((y * y) / (height * 2) + x / 17)
    const light = 128 + waves + 40 * (grain(x, y) - 0.5)
    return [light, light * 0.8 + 20, 230 - light * 0.7]
  },
  gradient: (x, y, width, height) => [(255 * x) / width, (255 * y) / height, 128],
  /** Lines of strokes, dark on white, about as in print. */
  text: (x, y) => {
    const [line, column] = [Math.floor(y / 28), Math.floor(x / 14)]
    const [inLine, inColumn] = [y % 28, x % 14]
    const upright = Math.abs(inColumn - 3 - 4 * grain(column, line)) < 1.5
    const across = Math.abs(inLine - 8 - 10 * grain(line, column + 1000)) < 1.5
    const ink = inLine > 5 && inLine < 23 && inColumn > 1 && inColumn < 12 && (upright || across)
    return ink ? [30, 30, 40] : [255, 255, 255]
  },
}

async function draw(kind: string, width: number, height: number): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 3)
  const paint = pictures[kind] ?? expect.fail()
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (const [channel, value] of paint(x, y, width, height).entries())
        data[(y * width + x) * 3 + channel] = Math.max(0, Math.min(255, Math.round(value)))
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 92 })
    .toBuffer()
}

function expectAsGood(measured: Quality[]): void {
  for (const { name, ours, sharp: theirs } of measured) {
    const what = `${name}: ${JSON.stringify({ ours, theirs })}`
    expect(ours.ssim, what).toBeGreaterThan(theirs.ssim - MOST_LOST)
    // Beyond 38 dB nobody sees a difference.
    expect(ours.psnr, what).toBeGreaterThan(Math.min(theirs.psnr - 1, 38))
  }
}

// Sides that are multiples of 16, of 8 only, and of neither.
const sides = [
  [1600, 1200],
  [1608, 1208],
  [1651, 1237],
] as const

const kinds = Object.keys(pictures)

test.each(kinds.flatMap((kind) => sides.map((side) => [kind, ...side] as const)))(
  'makes a thumbnail of %s, %dx%d, that is as good as one of sharp',
  async (kind, width, height) => {
    const source = await draw(kind, width, height)
    for (const format of ['png', 'jpeg'] as const) {
      const measured = await measureQuality(source, THUMBNAIL_RECIPE, format)
      expect(measured).toHaveLength(1)
      expectAsGood(measured)
    }
  },
)

test.each(['texture', 'text'])('makes versions of %s that are as good as those of sharp', async (kind) => {
  const measured = await measureQuality(await draw(kind, 1651, 1237), PROJECT_RECIPE, 'png')
  expect(measured.map(({ name }) => name)).toEqual(['thumb', 'big_thumb', 'big_1920'])
  expectAsGood(measured)
})
