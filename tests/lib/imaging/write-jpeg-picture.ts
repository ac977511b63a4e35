/** Blocks of a picture for `write-jpeg.ts`: colours (JFIF 1.02), means of what shares a sample, DCT (T.81, A.3.3). */

type Picture = { width: number; height: number; pixels: Buffer }

/** What Y, Cb and Cr have of red, green and blue, and where they begin, shifted to around 0 (T.81, A.3.1). */
const FROM_RGB = [
  [0.299, 0.587, 0.114, -128],
  [-0.168736, -0.331264, 0.5, 0],
  [0.5, -0.418688, -0.081312, 0],
] as const

/** Row k has the k-th cosine at eight samples. */
const COSINES = Array.from({ length: 64 }, (_, i) => {
  const [k, x] = [i >> 3, i & 7]
  return (k === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * k * Math.PI) / 16)
})

/** Row and column (`row << 3 | column`) of the coefficients in the order of sending (T.81, figure A.6). */
const ZIGZAG = Array.from({ length: 64 }, (_, i) => i).sort((one, other) => {
  const [a, b] = [(one >> 3) + (one & 7), (other >> 3) + (other & 7)]
  return a - b || (a % 2 ? (one >> 3) - (other >> 3) : (one & 7) - (other & 7))
})

/** The quantised blocks of a component, of which each sample is the mean of `step` pixels (across, down). */
export function picturedBlocks(
  picture: Picture,
  component: number,
  step: readonly [number, number],
  [blocksWide, blocksHigh]: readonly [number, number],
  quantisers: readonly number[],
): Int16Array[] {
  const even = new Map<number, Int16Array>()
  return Array.from({ length: blocksWide * blocksHigh }, (_, i) => {
    const samples = samplesOf(picture, component, step, i % blocksWide, Math.floor(i / blocksWide))
    const [first = 0] = samples
    if (samples.some((sample) => sample !== first)) return transform(samples, quantisers)
    const block = even.get(first) ?? transform(samples, quantisers)
    even.set(first, block)
    return block
  })
}

/** 64 samples; those outside of the picture are as the last inside. */
function samplesOf(
  { width, height, pixels }: Picture,
  component: number,
  [across, down]: readonly [number, number],
  column: number,
  row: number,
): Float64Array {
  const [red, green, blue, shift] = FROM_RGB[component] ?? FROM_RGB[0]
  const samples = new Float64Array(64)
  for (let i = 0; i < 64; i++) {
    let sum = 0
    for (let y = 0; y < down; y++)
      for (let x = 0; x < across; x++) {
        const px = Math.min(width - 1, (column * 8 + (i & 7)) * across + x)
        const at = (Math.min(height - 1, (row * 8 + (i >> 3)) * down + y) * width + px) * 3
        sum += red * (pixels[at] ?? 0) + green * (pixels[at + 1] ?? 0) + blue * (pixels[at + 2] ?? 0)
      }
    samples[i] = sum / (across * down) + shift
  }
  return samples
}

/** The coefficients of a block as they are sent. */
function transform(samples: Float64Array, quantisers: readonly number[]): Int16Array {
  const rows = new Float64Array(64)
  for (let i = 0; i < 64; i++)
    for (let x = 0; x < 8; x++)
      rows[i] = (rows[i] ?? 0) + (samples[(i & 56) + x] ?? 0) * (COSINES[(i & 7) * 8 + x] ?? 0)
  return Int16Array.from(ZIGZAG, (place, k) => {
    let sum = 0
    for (let y = 0; y < 8; y++) sum += (rows[y * 8 + (place & 7)] ?? 0) * (COSINES[(place & 56) + y] ?? 0)
    return Math.round(sum / (quantisers[k] ?? 1))
  })
}
