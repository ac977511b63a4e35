import type { Bitmap } from './bitmap.ts'
import { type Kernels, LANCZOS3, makeKernels, makeKernelsInHalves } from './kernels.ts'
import type { Size } from './operations.ts'
import { type Codec, checked, useCodec } from './wasm/module.ts'

/** Rows of the source that are copied together. */
const STRIP = 16

/** Rows of the result that are made together. */
const GROUP = 4

/**
 * Resizes by Lanczos3 on premultiplied alpha, from exactly the extent that the picture has in the bitmap. `readyCodec` must
 * have come before.
 */
export function resizeBitmap(source: Bitmap, { width, height }: Size): Bitmap {
  const { extent = source } = source
  const kernels = [
    makeKernels({ size: source.width, extent: extent.width, to: width }, LANCZOS3, 2),
    makeKernels({ size: source.height, extent: extent.height, to: height }, LANCZOS3, 1),
  ] as const
  return { width, height, data: filter(source, ...kernels, { isLent: false }).data }
}

/**
 * Brings a picture to exactly twice the sides of `to`, for a resize that makes one pixel of the mean of 2x2: filtered so
 * that those means are what `resizeBitmap` would make; says whether all of it is opaque. The pixels lie in memory that is
 * used again after `takeBack`. `readyCodec` must have come before.
 */
export function prescale(source: Bitmap, to: Size): { twice: Bitmap; isOpaque: boolean } {
  const { extent = source } = source
  const kernels = [
    makeKernelsInHalves({ size: source.width, extent: extent.width, to: to.width }, 2),
    makeKernelsInHalves({ size: source.height, extent: extent.height, to: to.height }, 1),
  ] as const
  const { data, isOpaque } = filter(source, ...kernels, { isLent: true })
  return { twice: { width: 2 * to.width, height: 2 * to.height, data }, isOpaque }
}

/** Rows go through WebAssembly in strips, so that the memory there does not grow with their number. */
function filter(source: Bitmap, columns: Kernels, rows: Kernels, { isLent }: { isLent: boolean }) {
  const [width, height] = [columns.starts.length, rows.starts.length]
  const [rowBytes, sourceRowBytes] = [width * 4, source.width * 4]
  return useCodec((codec, lendTo) => {
    const pairBytes = ((source.width + 3) & ~3) * 8
    const ring = openRing(codec, rows, source)
    const pairs = checked(codec.allocate(GROUP * pairBytes))
    const lines = checked(codec.allocate(GROUP * rowBytes))
    const addressesAt = checked(codec.allocate(rows.taps * 4))
    const columnStarts = columns.starts.map((start) => start * 8)
    const across = [copyIn(codec, columnStarts), copyIn(codec, columns.weights), columns.taps] as const
    const rowWeights = copyIn(codec, rows.weights)
    const lentAt = isLent ? checked(codec.allocate(rowBytes * height)) : 0
    const data = isLent
      ? Buffer.from(codec.memory.buffer, lentAt, rowBytes * height)
      : Buffer.allocUnsafeSlow(rowBytes * height)
    if (isLent) lendTo(data)
    const bytes = new Uint8Array(codec.memory.buffer)
    const addresses = new Uint32Array(codec.memory.buffer, addressesAt, rows.taps)
    let [done, translucent] = [0, false]
    for (let top = 0; done < height; top += STRIP) {
      const bottom = Math.min(top + STRIP, source.height)
      const strip = ring.addressOf(top)
      bytes.set(source.data.subarray(top * sourceRowBytes, bottom * sourceRowBytes), strip)
      translucent = codec.premultiply(strip, (bottom - top) * source.width) !== 0 || translucent
      for (; done < height; done += GROUP) {
        const count = Math.min(GROUP, height - done)
        const end = (rows.starts[done + count - 1] as number) + rows.taps
        if (end > bottom && bottom < source.height) break
        for (let row = 0; row < count; row++) {
          const first = rows.starts[done + row] as number
          for (let tap = 0; tap < rows.taps; tap++) addresses[tap] = ring.addressOf(first + tap)
          const weights = rowWeights + (done + row) * rows.taps * 2
          codec.blendRows(addressesAt, weights, rows.taps, pairs + row * pairBytes, sourceRowBytes)
        }
        codec.filterRows(pairs, pairBytes, lines, rowBytes, width, ...across)
        if (translucent) codec.unpremultiply(lines, count * width)
        data.set(bytes.subarray(lines, lines + count * rowBytes), done * rowBytes)
      }
    }
    return { data, isOpaque: !translucent }
  })
}

/** Room for the rows of the source that a group of rows is made of, and a strip more; older ones are written over. */
function openRing(codec: Codec, { starts, taps }: Kernels, { width, height }: Size) {
  let most = 0
  for (let row = GROUP - 1; row < starts.length; row++)
    most = Math.max(most, (starts[row] as number) - (starts[row - GROUP + 1] as number))
  const capacity = STRIP * Math.ceil(Math.min(most + taps, height) / STRIP + 1)
  const rowBytes = width * 4
  const address = checked(codec.allocate(capacity * rowBytes))
  return { addressOf: (row: number) => address + (row % capacity) * rowBytes }
}

/** Copies numbers into the codec's memory and returns their address. */
function copyIn({ memory, allocate }: Codec, numbers: Int32Array | Int16Array): number {
  const address = checked(allocate(numbers.byteLength))
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  new Uint8Array(memory.buffer).set(bytes, address)
  return address
}
