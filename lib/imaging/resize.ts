import type { Bitmap } from './bitmap.ts'
import { type Codec, checked, useCodec } from './jpeg/module.ts'
import { type Kernel, makeKernels } from './kernels.ts'

/** Rows of the source that are looked at together. */
const STRIP = 16

/**
 * Resizes by Lanczos3 on premultiplied alpha, from exactly the extent that the picture has in the bitmap. Rows go through
 * WebAssembly in strips, so that the memory there grows with the width only.
 */
export function resizeBitmap(source: Bitmap, width: number, height: number): Bitmap {
  const { extent = source } = source
  const columns = makeKernels(source.width, extent.width, width, 4)
  const rows = makeKernels(source.height, extent.height, height, 2)
  return useCodec((codec) => {
    const data = Buffer.allocUnsafeSlow(width * height * 4)
    // Filtered rows lie in a ring that holds what one row of the result needs and the strip after it.
    const capacity = STRIP * Math.ceil(rows.taps / STRIP + 1)
    const stride = (width * 4 + 15) & ~15
    const strip = checked(codec.allocate(STRIP * source.width * 4))
    const ring = checked(codec.allocate(capacity * stride))
    const line = checked(codec.allocate(stride))
    const addresses = checked(codec.allocate(rows.taps * 4))
    const [starts, weights] = copyKernels(codec, columns, 4)
    const [, rowWeights] = copyKernels(codec, rows, 1)
    const bytes = new Uint8Array(codec.memory.buffer)
    const rowAddresses = new Uint32Array(codec.memory.buffer, addresses, rows.taps)
    let [done, translucent] = [0, false]
    for (let top = 0; top < source.height && done < height; top += STRIP) {
      const count = Math.min(STRIP, source.height - top)
      bytes.set(source.data.subarray(top * source.width * 4, (top + count) * source.width * 4), strip)
      translucent = codec.premultiply(strip, count * source.width) !== 0 || translucent
      for (let row = 0; row < count; row++) {
        const to = ring + ((top + row) % capacity) * stride
        codec.resizeRow(strip + row * source.width * 4, to, width, starts, weights, columns.taps)
      }
      for (; done < height; done++) {
        const first = rows.starts[done] as number
        if (Math.min(first + rows.taps, source.height) > top + count) break
        for (let tap = 0; tap < rows.taps; tap++)
          rowAddresses[tap] = ring + ((first + tap) % capacity) * stride
        codec.blendRows(addresses, rowWeights + done * rows.taps * 2, rows.taps, line, width * 4)
        if (translucent) codec.unpremultiply(line, width)
        data.set(bytes.subarray(line, line + width * 4), done * width * 4)
      }
    }
    return { width, height, data }
  })
}

/** Addresses of the starts, in steps of `unit` bytes, and of the weights. */
function copyKernels(codec: Codec, { starts, weights }: Kernel, unit: number): [number, number] {
  const startsAt = checked(codec.allocate(starts.byteLength))
  const weightsAt = checked(codec.allocate(weights.byteLength))
  new Int32Array(codec.memory.buffer, startsAt, starts.length).set(starts.map((start) => start * unit))
  new Int16Array(codec.memory.buffer, weightsAt, weights.length).set(weights)
  return [startsAt, weightsAt]
}
