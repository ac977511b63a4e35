import type { Bitmap } from '../bitmap.ts'
import { corrupt, unsupported } from '../errors.ts'
import type { Header } from '../headers/header.ts'
import type { Size } from '../operations.ts'
import { asBuffer } from '../probe.ts'
import { type Scale, scaleFor } from '../scale.ts'
import type { Target } from '../sizes.ts'
import { type Codec, checked, copyIn, withCodec } from '../wasm/module.ts'

export { SCALES, type Scale } from '../scale.ts'

/** What `decode` in `wasm/decode/decode.ts` returns, by number; 0 is success. */
const failures: Record<number, () => Error> = {
  1: () => corrupt('its headers contradict themselves or the format'),
  2: () => unsupported('JPEG of this kind is not supported'),
  3: () => new RangeError('Array buffer allocation failed'),
  4: () => corrupt('it has more than 100 scans'),
  5: () => corrupt('more than half of it is missing or damaged'),
  6: () => corrupt('it takes more work than any picture of its size'),
}

type JpegHeader = Size & Pick<Header, 'icc'>

let inks: typeof import('../colour/inks.ts') | undefined

/** Loads what reads the profiles of CMYK, where a source has one. */
export async function readyJpegDecoder({ icc }: Pick<Header, 'icc'>): Promise<void> {
  if (icc?.space !== 'CMYK') return
  inks = await import('../colour/inks.ts')
  await inks.readyLcms()
}

/**
 * Decodes a JPEG, not yet oriented, at the smallest scale that is enough for `target`. What is missing of the second half
 * stays grey. CMYK is shown by its profile, if it has one and `readyJpegDecoder` came before. The pixels lie in memory that is
 * used again after `takeBack`.
 */
export function decodeJpeg(source: Uint8Array, header: JpegHeader, target?: Target): Promise<Bitmap> {
  return decodeScaled(source, header, scaleFor(header, target), target?.halfColours)
}

/** As `decodeJpeg`, at a given scale. With `halfColours` colours may have half the resolution of the bitmap. */
export function decodeScaled(
  source: Uint8Array,
  { width, height, icc }: JpegHeader,
  scale: Scale,
  halfColours = false,
): Promise<Bitmap> {
  const table = icc?.space === 'CMYK' ? inks?.readInkTable(asBuffer(source), icc) : undefined
  const extent = { width: (width * scale) / 8, height: (height * scale) / 8 }
  const decode = (codec: Codec, lendTo: (pixels: Buffer) => void) => {
    codec.keepInks(table !== undefined)
    const status = codec.decode(copyIn(codec, source), source.length, scale, halfColours)
    if (status !== 0) throw failures[status]?.()
    const size = { width: codec.outputWidth(), height: codec.outputHeight() }
    if (size.width !== Math.ceil(extent.width) || size.height !== Math.ceil(extent.height))
      throw corrupt('sizes that contradict')
    const [pixels, address] = [size.width * size.height, checked(codec.outputAddress())]
    if (table) codec.convertInks(address, pixels, copyIn(codec, new Uint8Array(table.buffer)))
    const data = Buffer.from(codec.memory.buffer, address, pixels * 4)
    lendTo(data)
    return { ...size, extent, data }
  }
  return withCodec(decode, { bytes: 2 * source.length + 4 * extent.width * extent.height })
}
