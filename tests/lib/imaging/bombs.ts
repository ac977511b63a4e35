import { deflateSync } from 'node:zlib'
import { PNG_SIGNATURE, pngChunk, rawPng } from '../../support/images.ts'
import { makeJpeg } from './make-jpeg.ts'

/** A GIF of 29 bytes with the sizes given, whose only frame has two codes. */
export function tinyGif(
  screen: [number, number],
  frame: [number, number],
  at: [number, number] = [0, 0],
): Buffer {
  const u16 = (...values: number[]) => values.flatMap((value) => [value & 255, value >> 8])
  const head = [...Buffer.from('GIF89a'), ...u16(...screen), 0, 0, 0]
  return Buffer.from([...head, 0x2c, ...u16(...at, ...frame), 0, 2, 2, 0x4c, 0x01, 0, 0x3b])
}

/** A PNG that declares 20000x20000 in a few dozen bytes. */
export const hugePng = () =>
  rawPng({ width: 20_000, height: 20_000, depth: 8, colorType: 6 }, Buffer.alloc(1))

/** An interlaced PNG of 8x8 whose data inflates to 256 MB. */
export const inflatingPng = () =>
  rawPng({ width: 8, height: 8, depth: 8, colorType: 6, interlace: 1 }, Buffer.alloc(256 * 1024 * 1024))

/** A TIFF whose directory points to itself. */
export const loopingTiff = () => Buffer.from('49492a0008000000000008000000', 'hex')

/** A progressive JPEG that repeats its scan. */
export const scanBomb = (scans: number) =>
  makeJpeg({ width: 64, height: 64, block: () => [128, 128, 128], frame: 0xc2, scans })

/** A frame segment that says it is longer than its content, to hide scans from whoever trusts lengths. */
export function hiddenScans(): Buffer {
  const image = makeJpeg({ width: 64, height: 64, block: () => [128, 128, 128], frame: 0xc2, scans: 200 })
  const frame = image.indexOf(Buffer.from([0xff, 0xc2]))
  image.writeUInt16BE(image.length - frame - 4, frame + 2)
  return image
}

/** A PNG header alone. */
export const pngHeaderOnly = () =>
  Buffer.concat([PNG_SIGNATURE, pngChunk('IDAT', deflateSync(Buffer.alloc(9)))])
