import { corrupt, unsupported } from '../errors.ts'
import { withOrientation } from '../orientation.ts'
import type { CheckSize, Header, Range } from './header.ts'
import { type IccSegment, joinIccSegments, readIccSegment } from './icc.ts'

/**
 * `isSequential`: whether all of the picture comes in one scan; else all coefficients are kept until the last.
 * `samplesPerPixel` are those of all components together.
 */
export type JpegHeader = Header & { isSequential: boolean; samplesPerPixel: number }

type Segment = Range & { marker: number }

const SOI = 0xd8
const EOI = 0xd9
const SOS = 0xda
const HIERARCHICAL = 0xde
const LOSSLESS_LS = 0xf7
/** SOF2. */
const PROGRESSIVE = 0xc2

/** Reads a JPEG up to its first scan. Throws `unsupported-format` for what the decoder does not know. */
export function readJpegHeader(source: Buffer, checkSize: CheckSize): JpegHeader {
  let size: { width: number; height: number } | undefined
  let components = 0
  let samplesPerPixel = 0
  let isSequential = false
  let exif: Range | undefined
  let hasAdobe = false
  const segmentsOfProfile: IccSegment[] = []
  for (const { marker, start, end } of segments(source)) {
    if (marker === SOS) isSequential &&= source[start] === components
    if (marker === SOS || marker === EOI) break
    if (marker === 0xe1 && source.toString('latin1', start, start + 6) === 'Exif\0\0') {
      exif ??= { start: start + 6, end }
    } else if (marker === 0xe2) {
      const part = readIccSegment(source, { start, end })
      if (part) segmentsOfProfile.push(part)
    } else if (marker === 0xee && source.toString('latin1', start, start + 5) === 'Adobe') {
      hasAdobe = true
    } else if (isFrame(marker)) {
      if (size) throw corrupt('it has more than one frame')
      components = checkFrame(source, marker, start, end)
      samplesPerPixel = countSamples(source, start + 6, Math.min(components, (end - start - 6) / 3))
      isSequential = marker !== PROGRESSIVE
      size = { height: source.readUInt16BE(start + 1), width: source.readUInt16BE(start + 3) }
      if (size.height === 0) throw corrupt('its height is missing, or only said at the end (DNL)')
      checkSize(size.width, size.height)
    }
  }
  if (!size) throw corrupt('no frame header')
  if (components === 4 && !hasAdobe) throw unsupported('CMYK JPEG without an Adobe segment')
  const icc = joinIccSegments(segmentsOfProfile, components)
  return { ...size, ...withOrientation(source, exif), icc, isSequential, samplesPerPixel }
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

/** Samples of all components for each pixel, from their sampling factors (T.81, A.1.1 and B.2.2). */
function countSamples(source: Buffer, at: number, components: number): number {
  const factors = Array.from({ length: components }, (_, i) => {
    const packed = source[at + 3 * i + 1] ?? 0
    return { h: packed >> 4, v: packed & 15 }
  })
  const most = Math.max(...factors.map(({ h }) => h)) * Math.max(...factors.map(({ v }) => v))
  return most > 0 ? factors.reduce((sum, { h, v }) => sum + (h * v) / most, 0) : components
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie among them; DHP, and SOF55 of JPEG-LS (T.87). */
const isFrame = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) ||
  marker === HIERARCHICAL ||
  marker === LOSSLESS_LS
