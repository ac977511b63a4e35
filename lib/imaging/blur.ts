import type { Bitmap } from './bitmap.ts'

/** The picture blurred by `radius` px, in memory of twice its size; what lies beyond an edge is taken to be like it. */
export function blur({ width, height, data: source }: Bitmap, radius: number): Bitmap {
  const data = Buffer.from(source)
  const between = Buffer.alloc(data.length)
  // The mean over a square, twice, which comes close to a Gaussian.
  for (let round = 0; round < 2; round++) {
    for (let row = 0; row < height; row++) {
      const [start, end] = [row * width * 4, (row + 1) * width * 4]
      blurLines(data.subarray(start, end), between.subarray(start, end), 4, radius)
    }
    blurLines(between, data, width * 4, radius)
  }
  return { width, height, data }
}

/** Means along `count` lines that lie beside one another, as the four channels of a row or the columns of a picture do. */
function blurLines(from: Buffer, to: Buffer, count: number, radius: number): void {
  const last = from.length - count
  const at = (step: number) => Math.min(Math.max(step * count, 0), last)
  const sums = new Uint32Array(count)
  for (let step = -radius; step <= radius; step++) {
    for (let line = 0; line < count; line++)
      sums[line] = (sums[line] as number) + (from[at(step) + line] as number)
  }
  const share = 1 / (2 * radius + 1)
  for (let step = 0; step * count <= last; step++) {
    const [here, leaving, entering] = [step * count, at(step - radius), at(step + radius + 1)]
    for (let line = 0; line < count; line++) {
      const sum = sums[line] as number
      to[here + line] = sum * share + 0.5
      sums[line] = sum + (from[entering + line] as number) - (from[leaving + line] as number)
    }
  }
}
