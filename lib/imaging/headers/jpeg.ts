import { corrupt, unsupported } from '../errors.ts'
import { withOrientation } from '../orientation.ts'
import type { CheckSize, Header, Range } from './header.ts'

type Segment = Range & { marker: number }

const SOI = 0xd8
const EOI = 0xd9
const SOS = 0xda
const HIERARCHICAL = 0xde
const LOSSLESS_LS = 0xf7

/** Reads a JPEG up to its first scan. Throws `unsupported-format` for what the decoder does not know. */
export function readJpegHeader(source: Buffer, checkSize: CheckSize): Header {
  let size: { width: number; height: number } | undefined
  let components = 0
  let exif: Range | undefined
  let hasAdobe = false
  for (const { marker, start, end } of segments(source)) {
    if (marker === SOS || marker === EOI) break
    if (marker === 0xe1 && source.toString('latin1', start, start + 6) === 'Exif\0\0') {
      exif = { start: start + 6, end }
    } else if (marker === 0xee && source.toString('latin1', start, start + 5) === 'Adobe') {
      hasAdobe = true
    } else if (isFrame(marker)) {
      if (size) throw corrupt('it has more than one frame')
      components = checkFrame(source, marker, start, end)
      size = { height: source.readUInt16BE(start + 1), width: source.readUInt16BE(start + 3) }
      if (size.height === 0) throw corrupt('its height is missing, or only said at the end (DNL)')
      checkSize(size.width, size.height)
    }
  }
  if (!size) throw corrupt('no frame header')
  if (components === 4 && !hasAdobe) throw unsupported('CMYK JPEG without an Adobe segment')
  return { ...size, ...withOrientation(source, exif) }
}

/** Every marker segment; `start` and `end` bound its content. */
function* segments(source: Buffer): Generator<Segment> {
  let at = 2
  while (at < source.length) {
    if (source[at++] !== 0xff) continue
    while (source[at] === 0xff) at++
    const marker = source[at++]
    if (marker === undefined) return
    const standsAlone = marker <= 0x01 || (marker >= 0xd0 && marker <= SOI)
    if (standsAlone) continue
    if (marker === EOI) {
      yield { marker, start: at, end: at }
      return
    }
    if (at + 2 > source.length) return
    const end = at + source.readUInt16BE(at)
    if (end < at + 2) throw corrupt('a segment of negative length')
    if (end > source.length) return
    yield { marker, start: at + 2, end }
    at = end
  }
}

/** Refuses the kinds that are rare, and that browsers do not show either. */
function checkFrame(source: Buffer, marker: number, start: number, end: number): number {
  const kind = unsupportedKind(marker)
  if (kind) throw unsupported(`${kind} JPEG is not supported`)
  if (end - start < 6) throw corrupt('a frame header cut short')
  if (source[start] !== 8) throw unsupported('Only JPEG of 8 bits per sample is supported')
  const components = source[start + 5] ?? 0
  if (components !== 1 && components !== 3 && components !== 4) {
    throw unsupported(`JPEG of ${components} components is not supported`)
  }
  return components
}

/** What a frame's marker (T.81, table B.1) says that the decoder does not know. */
function unsupportedKind(marker: number): string | undefined {
  if (marker === LOSSLESS_LS) return 'Lossless (JPEG-LS)'
  if (marker === HIERARCHICAL || (marker & 0x07) > 4) return 'Hierarchical'
  if ((marker & 0x03) === 3) return 'Lossless'
  return marker >= 0xc9 ? 'Arithmetic-coded' : undefined
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie among them; DHP, and SOF55 of JPEG-LS (T.87). */
const isFrame = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) ||
  marker === HIERARCHICAL ||
  marker === LOSSLESS_LS
