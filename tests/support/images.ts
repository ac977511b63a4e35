import { crc32, deflateSync } from 'node:zlib'
import { Jimp } from 'jimp'
import type { Bitmap } from '../../lib/imaging/bitmap.ts'
import { encodeWebp } from '../../lib/imaging/encode/webp.ts'

/** Sample images, made in code so that every byte has a reason. */

export type Rgba = readonly [red: number, green: number, blue: number, alpha: number]

export const COLOURS = {
  red: [230, 20, 20, 255],
  green: [20, 180, 20, 255],
  blue: [20, 20, 230, 255],
  yellow: [240, 230, 20, 255],
  white: [255, 255, 255, 255],
  black: [0, 0, 0, 255],
  grey: [128, 128, 128, 255],
  cyan: [0, 255, 255, 255],
  magenta: [255, 0, 255, 255],
} as const satisfies Record<string, Rgba>

export type Colour = keyof typeof COLOURS

/** A bitmap from a function of x and y. */
export function paint(width: number, height: number, at: (x: number, y: number) => Rgba): Bitmap {
  const data = Buffer.alloc(width * height * 4)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(at(x, y), (y * width + x) * 4)
  }
  return { width, height, data }
}

/** A gradient whose corners (a third of each side) are red, green (right), blue (below) and yellow (opposite). */
export const sample = (width: number, height: number): Bitmap =>
  paint(width, height, (x, y) => {
    const left = x < width / 3
    const right = x >= width - width / 3
    const top = y < height / 3
    const bottom = y >= height - height / 3
    if (top && left) return COLOURS.red
    if (top && right) return COLOURS.green
    if (bottom && left) return COLOURS.blue
    if (bottom && right) return COLOURS.yellow
    return [(x * 255) / width, (y * 255) / height, 128, 255]
  })

export const jpeg = (bitmap: Bitmap, quality = 90): Promise<Buffer> =>
  new Jimp(bitmap).getBuffer('image/jpeg', { quality })

export const png = (bitmap: Bitmap): Promise<Buffer> => new Jimp(bitmap).getBuffer('image/png')

export const gif = (bitmap: Bitmap): Promise<Buffer> => new Jimp(bitmap).getBuffer('image/gif', {})

// Jimp's writer turns the pixels it is given around in place.
export const bmp = ({ data, ...size }: Bitmap): Promise<Buffer> =>
  new Jimp({ ...size, data: Buffer.from(data) }).getBuffer('image/bmp')

export const webp = (bitmap: Bitmap): Promise<Buffer> => encodeWebp(bitmap, 90)

/** The pixels of an image this service made (JPEG or PNG). */
export const pixels = async (image: Uint8Array): Promise<Bitmap> =>
  (await Jimp.fromBuffer(Buffer.from(image))).bitmap

export function pixelAt({ width, data }: Bitmap, x: number, y: number): number[] {
  const at = (y * width + x) * 4
  return [...data.subarray(at, at + 4)]
}

/** The name of the nearest colour of `COLOURS`. */
export function colourAt(bitmap: Bitmap, x: number, y: number): Colour {
  const pixel = pixelAt(bitmap, x, y)
  const distance = (name: Colour) =>
    COLOURS[name].reduce<number>((sum, value, i) => sum + (value - (pixel[i] ?? 0)) ** 2, 0)
  return (Object.keys(COLOURS) as Colour[]).reduce((best, name) =>
    distance(name) < distance(best) ? name : best,
  )
}

/** The corners as top left, top right, bottom left, bottom right. */
export function corners(bitmap: Bitmap): Colour[] {
  const right = bitmap.width - 1
  const bottom = bitmap.height - 1
  return [
    colourAt(bitmap, 0, 0),
    colourAt(bitmap, right, 0),
    colourAt(bitmap, 0, bottom),
    colourAt(bitmap, right, bottom),
  ]
}

/** Codes of the types of TIFF 6.0 that hold integers, and the bytes of a value. */
const TIFF_BYTES = {
  BYTE: [1, 1],
  SHORT: [3, 2],
  LONG: [4, 4],
  SBYTE: [6, 1],
  SSHORT: [8, 2],
  SLONG: [9, 4],
} as const

type TiffType = keyof typeof TIFF_BYTES

/** EXIF in its TIFF form with nothing but an orientation. */
export function exif(orientation: number, order: 'II' | 'MM' = 'MM', type: TiffType = 'SHORT'): Buffer {
  const [code, bytes] = TIFF_BYTES[type]
  const tiff = Buffer.alloc(26)
  const u16 = (value: number, at: number) =>
    order === 'II' ? tiff.writeUInt16LE(value, at) : tiff.writeUInt16BE(value, at)
  tiff.write(order, 'latin1')
  u16(42, 2)
  tiff[order === 'II' ? 4 : 7] = 8
  u16(1, 8)
  u16(0x0112, 10)
  u16(code, 12)
  tiff[order === 'II' ? 14 : 17] = 1
  if (order === 'II') tiff.writeUIntLE(orientation, 18, bytes)
  else tiff.writeUIntBE(orientation, 18, bytes)
  return tiff
}

/** A JPEG with an orientation, in the APP1 segment of a camera. */
export const jpegWithOrientation = (image: Buffer, ...orientation: Parameters<typeof exif>): Buffer =>
  jpegWithSegments(image, [
    jpegSegment(0xe1, Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exif(...orientation)])),
  ])

export function jpegSegment(marker: number, content: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(content.length + 2, 2)
  return Buffer.concat([head, content])
}

/** A JPEG with segments before all others. */
export const jpegWithSegments = (image: Buffer, segments: Buffer[]): Buffer =>
  Buffer.concat([image.subarray(0, 2), ...segments, image.subarray(2)])

export const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

export function pngChunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, sum])
}

/** A PNG of any kind from its raw scanlines, each led by its filter byte. */
export function rawPng(
  header: { width: number; height: number; depth: number; colorType: number; interlace?: 0 | 1 },
  scanlines: Buffer,
  extra: Buffer[] = [],
): Buffer {
  const ihdr = Buffer.alloc(13)
  ihdr.writeUInt32BE(header.width, 0)
  ihdr.writeUInt32BE(header.height, 4)
  ihdr.set([header.depth, header.colorType, 0, 0, header.interlace ?? 0], 8)
  const data = pngChunk('IDAT', deflateSync(scanlines))
  const end = pngChunk('IEND', Buffer.alloc(0))
  return Buffer.concat([PNG_SIGNATURE, pngChunk('IHDR', ihdr), ...extra, data, end])
}

/** A PNG with an orientation, in an eXIf chunk before the last. */
export const pngWithOrientation = (image: Buffer, orientation: number): Buffer =>
  Buffer.concat([image.subarray(0, -12), pngChunk('eXIf', exif(orientation)), image.subarray(-12)])

export function riffChunk(type: string, content: Buffer): Buffer {
  const head = Buffer.from(`${type}\0\0\0\0`, 'latin1')
  head.writeUInt32LE(content.length, 4)
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)])
}

/** A WebP with an extended header: `flags` 8 = EXIF, 2 = animation, 16 = alpha. */
export function extendedWebp(width: number, height: number, flags: number, chunks: Buffer[]): Buffer {
  const vp8x = Buffer.alloc(10)
  vp8x[0] = flags
  vp8x.writeUIntLE(width - 1, 4, 3)
  vp8x.writeUIntLE(height - 1, 7, 3)
  return riffChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), riffChunk('VP8X', vp8x), ...chunks]))
}

/** A WebP with an orientation, in an EXIF chunk after the image. */
export const webpWithOrientation = (image: Buffer, { width, height }: Bitmap, orientation: number): Buffer =>
  extendedWebp(width, height, 8, [image.subarray(12), riffChunk('EXIF', exif(orientation))])
