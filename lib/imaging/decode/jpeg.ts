import type { Bitmap } from '../bitmap.ts'
import { corrupt, unsupported } from '../errors.ts'
import type { Size } from '../operations.ts'
import { type Codec, checked, copyIn, withCodec } from '../wasm/module.ts'

/** Eighths of the sides that a JPEG can be decoded at: what becomes of a block of 8x8. */
export const SCALES = [1, 2, 4, 8] as const

export type Scale = (typeof SCALES)[number]

/** How many pixels there must be per pixel of a rendition, a side, for the resize to choose from. */
const MARGIN = 1.25

/** What `decode` in `wasm/decode/decode.ts` returns, by number; 0 is success. */
const failures: Record<number, () => Error> = {
  1: () => corrupt('its headers contradict themselves or the format'),
  2: () => unsupported('JPEG of this kind is not supported'),
  3: () => new RangeError('Array buffer allocation failed'),
  4: () => corrupt('it has more than 100 scans'),
  5: () => corrupt('more than half of it is missing or damaged'),
  6: () => corrupt('it takes more work than any picture of its size'),
}

/**
 * Decodes a JPEG, not yet oriented, at the smallest scale that is enough for `target`. What is missing of the second half
 * stays grey. The pixels lie in memory that is used again after `takeBack`.
 */
export function decodeJpeg(source: Uint8Array, header: Size, target?: Size): Promise<Bitmap> {
  return decodeScaled(source, header, target ? scaleFor(header, target) : 8)
}

/** As `decodeJpeg`, at a given scale. */
export function decodeScaled(source: Uint8Array, { width, height }: Size, scale: Scale): Promise<Bitmap> {
  const extent = { width: (width * scale) / 8, height: (height * scale) / 8 }
  const decode = (codec: Codec, lendTo: (pixels: Buffer) => void) => {
    const status = codec.decode(copyIn(codec, source), source.length, scale)
    if (status !== 0) throw failures[status]?.()
    const size = { width: codec.outputWidth(), height: codec.outputHeight() }
    if (size.width !== Math.ceil(extent.width) || size.height !== Math.ceil(extent.height))
      throw corrupt('sizes that contradict')
    const bytes = size.width * size.height * 4
    const data = Buffer.from(codec.memory.buffer, checked(codec.outputAddress()), bytes)
    lendTo(data)
    return { ...size, extent, data }
  }
  return withCodec(decode, { bytes: 2 * source.length + 4 * extent.width * extent.height })
}

/** The smallest scale that leaves `MARGIN` times as many pixels a side as the target has. */
function scaleFor({ width, height }: Size, target: Size): Scale {
  const fits = (scale: Scale) =>
    width * scale >= 8 * MARGIN * target.width && height * scale >= 8 * MARGIN * target.height
  return SCALES.find(fits) ?? 8
}
