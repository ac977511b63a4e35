import { corrupt, unsupported } from '../errors.ts'
import { withOrientation } from '../orientation.ts'
import type { CheckSize, Header } from './header.ts'

/** Whether three components are stored as RGB, not YCbCr, is only known from the Adobe segment. */
export type JpegHeader = Header & { storedAsRgb: boolean }

type Segment = { marker: number; start: number; end: number }

/** A photo has one scan, a progressive one 10 or so; 3,000 scans in 48 kB cost nine times the CPU. */
const MAX_SCANS = 100

const SOI = 0xd8
const EOI = 0xd9
const SOS = 0xda

/** Reads a JPEG up to its first scan. Throws `unsupported-format` for what jpeg-js gets wrong or refuses. */
export function readJpegHeader(source: Buffer, checkSize: CheckSize): JpegHeader {
  let size: { width: number; height: number } | undefined
  let components = 0
  let exif: Buffer | undefined
  let adobeTransform: number | undefined
  for (const { marker, start, end } of segments(source)) {
    if (marker === SOS || marker === EOI) break
    if (marker === 0xe1 && source.toString('latin1', start, start + 6) === 'Exif\0\0') {
      exif = source.subarray(start + 6, end)
    } else if (marker === 0xee && source.toString('latin1', start, start + 5) === 'Adobe') {
      adobeTransform = source[start + 11]
    } else if (isFrame(marker)) {
      if (size) throw corrupt('it has more than one frame')
      components = checkFrame(source, marker, start, end)
      size = { height: source.readUInt16BE(start + 1), width: source.readUInt16BE(start + 3) }
      checkSize(size.width, size.height)
    }
  }
  if (!size) throw corrupt('no frame header')
  if (components === 4 && adobeTransform === undefined)
    throw unsupported('CMYK JPEG without an Adobe segment')
  return { ...size, ...withOrientation(exif), storedAsRgb: components === 3 && adobeTransform === 0 }
}

/**
 * Walks all of a JPEG, so that its scans are known to be few and it is known to be whole. jpeg-js fails on most
 * files that were cut off, but not on all: one without an end marker is `corrupt-image`, always.
 */
export function checkJpegScans(source: Buffer): void {
  let scans = 0
  let frames = 0
  for (const { marker } of segments(source)) {
    if (marker === EOI) {
      if (scans === 0) throw corrupt('no scan')
      return
    }
    if (marker === SOS && ++scans > MAX_SCANS) throw corrupt(`more than ${MAX_SCANS} scans`)
    if (isFrame(marker) && ++frames > 1) throw corrupt('it has more than one frame')
  }
  throw corrupt('it ends before its end marker')
}

/** Every marker segment; `start` and `end` bound its content. Entropy-coded data is skipped byte by byte. */
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
    checkLength(source, marker, at + 2, end)
    yield { marker, start: at + 2, end }
    at = end
  }
}

/**
 * The decoder trusts counts inside these segments and not their length. Where the two differ it would read markers
 * that this walk has skipped, and a scan bomb could hide there.
 */
function checkLength(source: Buffer, marker: number, start: number, end: number): void {
  let at = start
  if (marker === 0xdd || marker === 0xdc) at += 2
  else if (isFrame(marker)) at += 6 + 3 * byte(source, start + 5)
  else if (marker === SOS) at += 4 + 2 * byte(source, start)
  else if (marker === 0xdb) while (at < end) at += byte(source, at) >> 4 ? 129 : 65
  else if (marker === 0xc4) while (at < end) at += 17 + sum(source.subarray(at + 1, at + 17))
  else return
  if (at !== end) throw corrupt('a segment whose length does not fit its content')
}

/** Refuses what Jimp's decoder refuses (arithmetic, lossless) or decodes to doubtful pixels (12 bit). */
function checkFrame(source: Buffer, marker: number, start: number, end: number): number {
  if (marker > 0xc2) throw unsupported('Lossless, hierarchical and arithmetic-coded JPEG are not supported')
  if (end - start < 6) throw corrupt('a frame header cut short')
  if (source[start] !== 8) throw unsupported('Only JPEG of 8 bits per sample is supported')
  const components = byte(source, start + 5)
  if (components !== 1 && components !== 3 && components !== 4) {
    throw unsupported(`JPEG of ${components} components is not supported`)
  }
  return components
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which lie among them. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

const byte = (source: Buffer, at: number) => source[at] ?? 0

const sum = (bytes: Uint8Array) => bytes.reduce((total, value) => total + value, 0)
