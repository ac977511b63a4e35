import { expect, test } from 'vitest'
import type { SourceFormat } from '../../../lib/imaging/formats.ts'
import { probe, readSource } from '../../../lib/imaging/probe.ts'
import * as images from '../../support/images.ts'
import { processorTime } from '../../support/processor-time.ts'
import { hugePng, loopingTiff, pngHeaderOnly, tinyGif } from './bombs.ts'
import { makeJpeg } from './make-jpeg.ts'

const MAX_PIXELS = 50_000_000
const grey = () => [128, 128, 128, 128]
const picture = images.sample(48, 32)

const jpeg = await images.jpeg(picture)
const png = await images.png(picture)
const gif = await images.gif(picture)
const bmp = await images.bmp(picture)
const webp = await images.webp(picture)

/** A copy with some bytes written over. */
function patched(image: Buffer, at: number, bytes: number[]): Buffer {
  const copy = Buffer.from(image)
  copy.set(bytes, at)
  return copy
}

test.each([
  ['jpeg', 'image/jpeg', jpeg],
  ['png', 'image/png', png],
  ['gif', 'image/gif', gif],
  ['bmp', 'image/bmp', bmp],
  ['webp', 'image/webp', webp],
])('knows a %s by its bytes and its size by its header', (format, contentType, source) => {
  const bytes = source.length
  expect(probe(source, MAX_PIXELS)).toEqual({ format, contentType, width: 48, height: 32, bytes })
})

test('takes bytes that are a view into a larger buffer', () => {
  const larger = new Uint8Array(jpeg.length + 200)
  larger.set(jpeg, 100)
  const view = new Uint8Array(larger.buffer, 100, jpeg.length)
  expect(probe(view, MAX_PIXELS)).toMatchObject({ format: 'jpeg', width: 48, height: 32, bytes: jpeg.length })
})

test.each([
  ['extended', makeJpeg({ width: 48, height: 32, block: grey, frame: 0xc1 })],
  ['progressive', makeJpeg({ width: 48, height: 32, block: grey, frame: 0xc2 })],
  ['grayscale', makeJpeg({ width: 48, height: 32, block: grey, components: 1 })],
  ['CMYK', makeJpeg({ width: 48, height: 32, block: grey, components: 4, adobe: 0 })],
])('reads the size of a %s JPEG', (_, source) => {
  expect(probe(source, MAX_PIXELS)).toMatchObject({ format: 'jpeg', width: 48, height: 32 })
})

test('reads the size of a BMP with a negative height', () => {
  const topDown = patched(bmp, 22, [0xe0, 0xff, 0xff, 0xff])
  expect(probe(topDown, MAX_PIXELS)).toMatchObject({ width: 48, height: 32 })
})

test('gives the sides as shown for a picture on its side', () => {
  expect(probe(images.jpegWithOrientation(jpeg, 6), MAX_PIXELS)).toMatchObject({ width: 32, height: 48 })
  expect(probe(images.pngWithOrientation(png, 8), MAX_PIXELS)).toMatchObject({ width: 32, height: 48 })
  const turned = images.webpWithOrientation(webp, picture, 5)
  expect(probe(turned, MAX_PIXELS)).toMatchObject({ width: 32, height: 48 })
})

test.each([
  ['JPEG', images.jpegWithOrientation(images.jpegWithOrientation(jpeg, 1), 6)],
  ['PNG', images.pngWithOrientation(images.pngWithOrientation(png, 6), 1)],
  [
    'WebP',
    Buffer.concat([images.webpWithOrientation(webp, picture, 6), images.riffChunk('EXIF', images.exif(1))]),
  ],
])('the first of two EXIF blocks of a %s counts', (_, source) => {
  expect(readSource(source, MAX_PIXELS).header.orientation).toBe(6)
})

test.each([
  ['no bytes', 'empty-source', Buffer.alloc(0)],
  ['text', 'unsupported-format', Buffer.from('<html>not an image</html>')],
  [
    'text that starts like a BMP',
    'unsupported-format',
    Buffer.from('BMW makes cars and motorcycles, not images'),
  ],
  ['SVG', 'unsupported-format', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['PDF', 'unsupported-format', Buffer.from('%PDF-1.7\n')],
  ['a looping TIFF', 'unsupported-format', loopingTiff()],
  ['one byte', 'unsupported-format', Buffer.from([0xff])],
  [
    'JPEG of 12 bits',
    'unsupported-format',
    makeJpeg({ width: 8, height: 8, block: grey, frame: 0xc1, precision: 12 }),
  ],
  ['arithmetic JPEG', 'unsupported-format', makeJpeg({ width: 8, height: 8, block: grey, frame: 0xc9 })],
  ['lossless JPEG', 'unsupported-format', makeJpeg({ width: 8, height: 8, block: grey, frame: 0xc3 })],
  [
    'CMYK JPEG without Adobe segment',
    'unsupported-format',
    makeJpeg({ width: 8, height: 8, block: grey, components: 4 }),
  ],
  ['JPEG without a frame', 'corrupt-image', Buffer.from([0xff, 0xd8, 0xff, 0xd9])],
  ['JPEG cut before its frame', 'corrupt-image', jpeg.subarray(0, 30)],
  ['JPEG of no height', 'corrupt-image', makeJpeg({ width: 8, height: 0, block: grey })],
  ['PNG without a header', 'corrupt-image', pngHeaderOnly()],
  ['PNG signature alone', 'corrupt-image', png.subarray(0, 8)],
  ['PNG of no width', 'corrupt-image', patched(png, 16, [0, 0, 0, 0])],
  ['GIF of no width', 'corrupt-image', tinyGif([0, 10], [1, 1])],
  ['GIF without a frame', 'corrupt-image', gif.subarray(0, 13)],
  ['GIF cut before the data of its frame', 'corrupt-image', tinyGif([4, 4], [4, 4]).subarray(0, 23)],
  ['GIF frame of 60000x60000 on a small screen', 'too-many-pixels', tinyGif([1, 1], [60_000, 60_000])],
  ['GIF frame of no width', 'corrupt-image', tinyGif([10, 10], [0, 10])],
  ['GIF screen of 65535x65535', 'too-many-pixels', tinyGif([65_535, 65_535], [1, 1])],
  ['BMP cut within its header', 'corrupt-image', bmp.subarray(0, 30)],
  ['BMP of negative width', 'corrupt-image', patched(bmp, 18, [0xd0, 0xff, 0xff, 0xff])],
  ['BMP of no height', 'corrupt-image', patched(bmp, 22, [0, 0, 0, 0])],
  ['BMP of 2147483648 rows', 'too-many-pixels', patched(bmp, 22, [0, 0, 0, 0x80])],
  ['BMP with JPEG inside', 'unsupported-format', patched(bmp, 30, [4])],
  ['WebP cut within its header', 'corrupt-image', webp.subarray(0, 16)],
  ['WebP of an unknown chunk', 'corrupt-image', patched(webp, 12, [0x41])],
  ['PNG of 20000x20000', 'too-many-pixels', hugePng()],
  [
    'JPEG of 10000x10000',
    'too-many-pixels',
    patched(jpeg, jpeg.indexOf(Buffer.from([0xff, 0xc0])) + 5, [39, 16, 39, 16]),
  ],
])('refuses %s as %s', (_, code, source) => {
  expect(() => probe(source, MAX_PIXELS)).toThrow(expect.objectContaining({ code, status: 422 }))
})

test('allows exactly as many pixels as the limit', () => {
  expect(probe(png, 48 * 32)).toMatchObject({ width: 48, height: 32 })
  expect(() => probe(png, 48 * 32 - 1)).toThrow(expect.objectContaining({ code: 'too-many-pixels' }))
})

/** A picture in each format whose header has other sides written over its own. */
const withSides: Record<SourceFormat, (width: number, height: number) => Buffer> = {
  jpeg: makeJpegHeader,
  png: (width, height) => images.rawPng({ width, height, depth: 8, colorType: 0 }, Buffer.alloc(1)),
  gif: (width, height) => tinyGif([width, height], [1, 1]),
  bmp: (width, height) => patched(bmp, 18, [...u32(width), ...u32(height)]),
  webp: (width, height) => images.extendedWebp(width, height, 0, [webp.subarray(12)]),
  pgm: (width, height) => Buffer.from(`P5 ${width} ${height} 255\n`),
}

const u32 = (value: number) => [...new Uint8Array(Uint32Array.of(value).buffer)]

function makeJpegHeader(width: number, height: number): Buffer {
  const sides = [height >> 8, height & 255, width >> 8, width & 255]
  return patched(jpeg, jpeg.indexOf(Buffer.from([0xff, 0xc0])) + 5, sides)
}

test.each(Object.entries(withSides))('refuses a side over 30,000 px of a %s', (_, make) => {
  for (const [width, height] of [
    [30_001, 1],
    [1, 30_001],
  ] as const) {
    const message = `The image is ${width}x${height}: a side may have at most 30000 pixels`
    expect(() => probe(make(width, height), MAX_PIXELS)).toThrow(
      expect.objectContaining({ code: 'too-many-pixels', status: 422, message }),
    )
  }
  expect(probe(make(30_000, 1), MAX_PIXELS)).toMatchObject({ width: 30_000, height: 1 })
  expect(probe(make(1, 30_000), MAX_PIXELS)).toMatchObject({ width: 1, height: 30_000 })
})

test('never throws anything but an AppError, whatever byte is cut off or changed', () => {
  for (const source of [jpeg, png, gif, bmp, webp]) {
    const head = Math.min(source.length, 700)
    for (let at = 0; at < head; at++) {
      for (const broken of [source.subarray(0, at), patched(source, at, [255]), patched(source, at, [0])]) {
        try {
          probe(broken, MAX_PIXELS)
        } catch (error) {
          expect(error).toMatchObject({ name: 'AppError', status: 422 })
        }
      }
    }
  }
})

test('takes microseconds, also for large sources', async () => {
  const padded = Buffer.concat([jpeg, Buffer.alloc(20_000_000, 0xff)])
  const time = await processorTime(() => {
    for (let i = 0; i < 100; i++) probe(padded, MAX_PIXELS)
  })
  expect(time / 100).toBeLessThan(1)
})
