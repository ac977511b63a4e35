import type { Size } from '../../../lib/imaging/operations.ts'

type Pixel = readonly [red: number, green: number, blue: number]

/** The colour at a point; a picture is `width` by `height`. */
type Draw = (x: number, y: number, width: number, height: number) => Pixel

const PAPER: Pixel = [226, 222, 210]
const INK: Pixel = [52, 48, 60]

/** Anything from 60 to 195, the same for the same place. */
const noise: Draw = (x, y) => {
  const hash = Math.imul(x * 374_761_393 + y * 668_265_263, 1_274_126_177)
  return [60 + ((hash >>> 8) % 136), 60 + ((hash >>> 16) % 136), 60 + ((hash >>> 24) % 136)]
}

const text = (x: number, y: number) => y % 24 < 14 && (x * 7 + (y >> 3) * 13 + ((x >> 2) ^ (y >> 2))) % 11 < 4

/**
 * Kinds of pictures, as photos, scans and screens have them. No colour lies near black or white or is strong: where the
 * rounding of coefficients passes 0 or 255 the samples are cut off, and a mean of what is cut off is another.
 */
export const PICTURES = {
  flat: () => [190, 170, 150],
  'half flat': (x, y, width, height) => (y < height / 2 ? PAPER : noise(x, y, width, height)),
  page: (x, y, width, height) => {
    const isText = y < height * 0.4 && x > width * 0.1 && x < width * 0.9
    return isText && text(x, y) ? INK : PAPER
  },
  product: (x, y, width, height) => {
    const isInside = Math.abs(x / width - 0.5) < 0.2 && Math.abs(y / height - 0.5) < 0.2
    return isInside ? noise(x, y, width, height) : PAPER
  },
  screenshot: (x, y, width, height) => {
    if (x < width / 5) return y % 48 < 2 ? [120, 120, 130] : [96, 104, 122]
    if (y < height / 10) return [150, 160, 176]
    return text(x, y) && x % 200 < 120 ? INK : PAPER
  },
  gradient: (x, y, width, height) => [
    70 + (100 * x) / width,
    80 + (90 * y) / height,
    90 + (80 * (x + y)) / (width + height),
  ],
  noise,
} satisfies Record<string, Draw>

/** A picture as RGB. */
export function draw(name: keyof typeof PICTURES, { width, height }: Size): Buffer {
  const pixelAt: Draw = PICTURES[name]
  const pixels = Buffer.alloc(width * height * 3)
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 3) {
      const [red, green, blue] = pixelAt(x, y, width, height)
      pixels[at] = red
      pixels[at + 1] = green
      pixels[at + 2] = blue
    }
  return pixels
}
