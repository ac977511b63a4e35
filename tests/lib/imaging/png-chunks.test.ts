import { crc32, deflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { decodePng } from '../../../lib/imaging/decode/png.ts'
import { readPngHeader } from '../../../lib/imaging/headers/png.ts'
import { PNG_SIGNATURE, pngChunk } from '../../support/images.ts'
import { noiseRows, PALETTE, writePng } from './write-png.ts'

const open = async (source: Buffer) =>
  decodePng(
    source,
    readPngHeader(source, () => {}),
  )

/** The pixels as numbers, RGBA from the highest byte. */
async function decode(source: Buffer): Promise<number[]> {
  const { data } = await open(source)
  return Array.from({ length: data.length / 4 }, (_, i) => data.readUInt32BE(i * 4))
}

const corrupt = { code: 'corrupt-image', status: 422 }

const rgb = { width: 60, height: 40, depth: 8, colourType: 2 }
const stream = deflateSync(noiseRows(rgb))
const whole = writePng({ ...rgb, stream })

const flip = (chunk: Buffer) => {
  const broken = Buffer.from(chunk)
  broken.writeUInt8((broken.at(-1) ?? 0) ^ 1, broken.length - 1)
  return broken
}
const indexed = {
  width: 4,
  height: 1,
  depth: 8,
  colourType: 3,
  stream: deflateSync(Buffer.from([0, 0, 1, 2, 3])),
}
const tRNS = pngChunk('tRNS', Buffer.from([9, 8, 7, 6]))
const head = whole.subarray(8, 33)
const data = pngChunk('IDAT', stream)

test.each([
  ['IHDR', Buffer.concat([PNG_SIGNATURE, flip(head), data])],
  ['PLTE', writePng({ ...indexed, before: [flip(PALETTE)] })],
  ['IDAT', Buffer.concat([PNG_SIGNATURE, head, flip(data)])],
])('a wrong checksum of %s refuses a picture', async (_, source) => {
  await expect(async () => open(source)).rejects.toMatchObject(corrupt)
})

test('the checksums of other chunks make no difference, or they count as absent', async () => {
  const full = await decode(whole)
  const text = flip(pngChunk('tEXt', Buffer.from('a\0b')))
  expect(await decode(writePng({ ...rgb, stream, before: [text] }))).toEqual(full)
  expect(
    await decode(writePng({ ...rgb, stream, after: [flip(pngChunk('IEND', Buffer.alloc(0)))] })),
  ).toEqual(full)
  const opaque = await decode(writePng({ ...indexed, before: [PALETTE, flip(tRNS)] }))
  expect(opaque).toEqual(await decode(writePng({ ...indexed, before: [PALETTE] })))
  expect(
    (await decode(writePng({ ...indexed, before: [PALETTE, tRNS] }))).map((pixel) => pixel & 255),
  ).toEqual([9, 8, 7, 6])
  expect(
    readPngHeader(writePng({ ...rgb, before: [flip(pngChunk('eXIf', Buffer.alloc(20)))] }), () => {}).exif,
  ).toBeUndefined()
})

test('the checksum of an IDAT that the end of the file cuts off is not missed', async () => {
  const full = await decode(whole)
  expect(await decode(Buffer.concat([PNG_SIGNATURE, head, data.subarray(0, -3)]))).toEqual(full)
  const cut = await decode(Buffer.concat([PNG_SIGNATURE, head, data.subarray(0, data.length * 0.8)]))
  expect(cut.slice(0, 60 * 25)).toEqual(full.slice(0, 60 * 25))
  expect(cut.at(-1)).toBe(0x808080ff)
})

test.each([
  ['an unknown critical chunk', writePng({ ...rgb, before: [pngChunk('ABCD', Buffer.alloc(4))] })],
  ['two palettes', writePng({ ...rgb, colourType: 3, before: [PALETTE, PALETTE] })],
  ['a palette of 7 bytes', writePng({ ...rgb, colourType: 3, before: [pngChunk('PLTE', Buffer.alloc(7))] })],
  ['no palette for its indices', writePng({ ...rgb, colourType: 3, before: [] })],
  ['a depth that its colour type has not', writePng({ ...rgb, depth: 4 })],
  ['an unknown filter method', patchHeader(11)],
  ['an unknown compression', patchHeader(10)],
  ['an unknown interlace method', patchHeader(12, 2)],
])('a picture with %s is refused', async (_, source) => {
  await expect(async () => open(source)).rejects.toMatchObject(corrupt)
})

/** The whole picture with one byte of IHDR changed, and its checksum set right. */
function patchHeader(at: number, value = 1): Buffer {
  const source = Buffer.from(whole)
  source[16 + at] = value
  source.writeUInt32BE(crc32(source.subarray(12, 29)), 29)
  return source
}
