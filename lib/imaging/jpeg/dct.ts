/** Scale of the k-th output of the transform below: cos(k*pi/16) * sqrt(2), and 1 for k = 0. */
const SCALES = [1, ...[1, 2, 3, 4, 5, 6, 7].map((k) => Math.cos((k * Math.PI) / 16) * Math.SQRT2)]

const C4 = Math.cos((4 * Math.PI) / 16)
const C6 = Math.cos((6 * Math.PI) / 16)
const C2_MINUS_C6 = Math.cos((2 * Math.PI) / 16) - C6
const C2_PLUS_C6 = Math.cos((2 * Math.PI) / 16) + C6

/** What an output of `forwardDct` is multiplied by: 1 over the quantiser, the factors the transform leaves out, and 8. */
export const scaledReciprocals = (quantisers: readonly number[]): Float32Array =>
  Float32Array.from(
    quantisers,
    (value, i) => 1 / (value * (SCALES[i >> 3] as number) * (SCALES[i & 7] as number) * 8),
  )

/**
 * The two-dimensional DCT-II of an 8x8 block, in place, but for factors by row and column (`scaledReciprocals`).
 * Arai, Agui, Nakajima: A fast DCT-SQ scheme for images, 1988; as Pennebaker and Mitchell draw it (figure 4-8).
 */
export function forwardDct(block: Float32Array): void {
  for (let row = 0; row < 64; row += 8) transform(block, row, 1)
  for (let column = 0; column < 8; column++) transform(block, column, 8)
}

function transform(block: Float32Array, at: number, step: number): void {
  const x0 = block[at] as number
  const x1 = block[at + step] as number
  const x2 = block[at + 2 * step] as number
  const x3 = block[at + 3 * step] as number
  const x4 = block[at + 4 * step] as number
  const x5 = block[at + 5 * step] as number
  const x6 = block[at + 6 * step] as number
  const x7 = block[at + 7 * step] as number

  const even0 = x0 + x7 + x3 + x4
  const even1 = x1 + x6 + x2 + x5
  const even2 = x0 + x7 - x3 - x4
  const turned = (x1 + x6 - x2 - x5 + even2) * C4
  block[at] = even0 + even1
  block[at + 4 * step] = even0 - even1
  block[at + 2 * step] = even2 + turned
  block[at + 6 * step] = even2 - turned

  const odd0 = x3 - x4 + x2 - x5
  const odd1 = x2 - x5 + x1 - x6
  const odd2 = x1 - x6 + x0 - x7
  const shared = (odd0 - odd2) * C6
  const low = C2_MINUS_C6 * odd0 + shared
  const high = C2_PLUS_C6 * odd2 + shared
  const middle = odd1 * C4
  const sum = x0 - x7 + middle
  const difference = x0 - x7 - middle
  block[at + 5 * step] = difference + low
  block[at + 3 * step] = difference - low
  block[at + step] = sum + high
  block[at + 7 * step] = sum - high
}
