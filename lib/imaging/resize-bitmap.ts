import type { Bitmap } from './bitmap.ts'
import { type Codec, checked, useCodec } from './jpeg/module.ts'
import { type Kernels, LANCZOS3, LANCZOS3_IN_HALVES, makeKernels } from './kernels.ts'
import type { Size } from './operations.ts'

/** Rows of the source that are looked at together, a multiple of 4. */
const STRIP = 16

/**
 * Resizes by Lanczos3 on premultiplied alpha, from exactly the extent that the picture has in the bitmap; with
 * `halves`, to twice as many rows, whose means in pairs are the result. `readyCodec` must have come before.
 */
export function resizeBitmap(source: Bitmap, to: Size, { halves = false } = {}): Bitmap {
  const { extent = source } = source
  const width = to.width
  const height = halves ? 2 * to.height : to.height
  const [stretchX, stretchY] = [Math.max(1, extent.width / width), Math.max(1, extent.height / to.height)]
  const across = { size: source.width, extent: extent.width, to: width }
  const down = { size: source.height, extent: extent.height, to: height }
  // What is enlarged has nothing that means could weaken.
  const filter = halves && extent.height >= to.height ? LANCZOS3_IN_HALVES : LANCZOS3
  const data = filterRows(
    source,
    makeKernels(across, LANCZOS3, stretchX, 4),
    makeKernels(down, filter, stretchY, 2),
  )
  return { width, height, data }
}

/** Rows go through WebAssembly in strips, so that the memory there does not grow with their number. */
function filterRows(source: Bitmap, columns: Kernels, rows: Kernels): Buffer {
  const [width, height] = [columns.starts.length, rows.starts.length]
  const [rowBytes, sourceRowBytes] = [width * 4, source.width * 4]
  return useCodec((codec) => {
    const data = Buffer.allocUnsafeSlow(rowBytes * height)
    // Filtered rows lie in a ring that holds what one row of the result needs and the strip after it.
    const capacity = STRIP * Math.ceil(rows.taps / STRIP + 1)
    const stride = (rowBytes + 15) & ~15
    const strip = checked(codec.allocate(STRIP * sourceRowBytes))
    const ring = checked(codec.allocate(capacity * stride))
    const line = checked(codec.allocate(stride))
    const addressesAt = checked(codec.allocate(rows.taps * 4))
    const columnStarts = copyIn(
      codec,
      columns.starts.map((start) => start * 4),
    )
    const columnWeights = copyIn(codec, columns.weights)
    const rowWeights = copyIn(codec, rows.weights)
    const bytes = new Uint8Array(codec.memory.buffer)
    const addresses = new Uint32Array(codec.memory.buffer, addressesAt, rows.taps)
    const addressOf = (row: number) => ring + (row % capacity) * stride
    let [done, translucent] = [0, false]
    for (let top = 0; done < height; top += STRIP) {
      const bottom = Math.min(top + STRIP, source.height)
      bytes.set(source.data.subarray(top * sourceRowBytes, bottom * sourceRowBytes), strip)
      translucent = codec.premultiply(strip, (bottom - top) * source.width) !== 0 || translucent
      // Beyond the last row there is room for what is made of whatever lies there.
      for (let row = top; row < bottom; row += 4) {
        const from = strip + (row - top) * sourceRowBytes
        const to = addressOf(row)
        codec.resizeRows(from, sourceRowBytes, to, stride, width, columnStarts, columnWeights, columns.taps)
      }
      for (; done < height; done++) {
        const first = rows.starts[done] as number
        if (first + rows.taps > bottom && bottom < source.height) break
        for (let tap = 0; tap < rows.taps; tap++) addresses[tap] = addressOf(first + tap)
        codec.blendRows(addressesAt, rowWeights + done * rows.taps * 2, rows.taps, line, rowBytes)
        if (translucent) codec.unpremultiply(line, width)
        data.set(bytes.subarray(line, line + rowBytes), done * rowBytes)
      }
    }
    return data
  })
}

/** Copies numbers into the codec's memory and returns their address. */
function copyIn({ memory, allocate }: Codec, numbers: Int32Array | Int16Array): number {
  const address = checked(allocate(numbers.byteLength))
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  new Uint8Array(memory.buffer).set(bytes, address)
  return address
}
