import { corrupt } from '../errors.ts'
import { withOrientation } from '../orientation.ts'
import type { CheckSize, EmbeddedProfile, Header, Range } from './header.ts'
import { readIccChunk } from './icc.ts'

/** The first frame of an animation: where it lies on the canvas, and where its chunks lie in the file. */
export type WebpFrame = Range & { x: number; y: number; width: number; height: number }

export type WebpHeader = Header & { firstFrame: WebpFrame | undefined }

type Chunk = Range & { type: string }

/** Reads a WebP's size, its orientation, its profile and, of an animation, where its first frame is. */
export function readWebpHeader(source: Buffer, checkSize: CheckSize): WebpHeader {
  const all = webpChunks(source)
  const first = all.next().value
  if (!first) throw corrupt('no WebP header')
  const { width, height, animated, profiled } = readSize(source, first)
  checkSize(width, height)
  let exif: Range | undefined
  let icc: EmbeddedProfile | undefined
  let firstFrame: WebpFrame | undefined
  for (const { type, start, end } of all) {
    if (type === 'EXIF') {
      const prefixed = source.toString('latin1', start, start + 6) === 'Exif\0\0'
      exif ??= { start: prefixed ? start + 6 : start, end }
    } else if (type === 'ICCP' && profiled) {
      icc ??= readIccChunk({ start, end })
    } else if (type === 'ANMF' && animated) {
      firstFrame ??= readFrame(source, start, end)
    }
  }
  if (!animated) return { width, height, ...withOrientation(source, exif), icc, firstFrame }
  if (!firstFrame) throw corrupt('an animation without a frame')
  const fits = firstFrame.x + firstFrame.width <= width && firstFrame.y + firstFrame.height <= height
  if (!fits) throw corrupt('a WebP frame larger than its canvas')
  return { width, height, ...withOrientation(source, exif), icc, firstFrame }
}

function readSize(source: Buffer, { type, start, end }: Chunk) {
  const bytes = end - start
  if (type === 'VP8X' && bytes >= 10) {
    const flags = source.readUInt8(start)
    return {
      width: source.readUIntLE(start + 4, 3) + 1,
      height: source.readUIntLE(start + 7, 3) + 1,
      animated: (flags & 2) !== 0,
      profiled: (flags & 0x20) !== 0,
    }
  }
  if (type === 'VP8L' && bytes >= 5 && source[start] === 0x2f) {
    const bits = source.readUInt32LE(start + 1)
    return {
      width: (bits & 0x3fff) + 1,
      height: ((bits >>> 14) & 0x3fff) + 1,
      animated: false,
      profiled: false,
    }
  }
  if (type === 'VP8 ' && bytes >= 10 && source.readUIntBE(start + 3, 3) === 0x9d012a) {
    const width = source.readUInt16LE(start + 6) & 0x3fff
    return { width, height: source.readUInt16LE(start + 8) & 0x3fff, animated: false, profiled: false }
  }
  throw corrupt('no WebP header')
}

function readFrame(source: Buffer, start: number, end: number): WebpFrame {
  if (end - start < 16) throw corrupt('a WebP frame cut short')
  return {
    x: source.readUIntLE(start, 3) * 2,
    y: source.readUIntLE(start + 3, 3) * 2,
    width: source.readUIntLE(start + 6, 3) + 1,
    height: source.readUIntLE(start + 9, 3) + 1,
    start: start + 16,
    end,
  }
}

/** The chunks of a WebP that are there in full; each is padded to an even length. */
function* webpChunks(source: Buffer): Generator<Chunk, undefined> {
  for (let at = 12; at + 8 <= source.length; ) {
    const start = at + 8
    const end = start + source.readUInt32LE(at + 4)
    // A single image that was cut off still has its size; the decoder then says that the rest is missing.
    if (end > source.length && at > 12) return
    yield { type: source.toString('latin1', at, at + 4), start, end: Math.min(end, source.length) }
    at = end + (end & 1)
  }
}
