import sharp from 'sharp'
import { expect, test } from 'vitest'
import { type Exif, readExif } from '../../../lib/imaging/exif.ts'
import { readSource } from '../../../lib/imaging/probe.ts'
import * as images from '../../support/images.ts'
import { processorTime } from '../../support/processor-time.ts'

const WRITTEN = {
  IFD0: { Make: 'Acme Optics', Model: 'U-1' },
  IFD2: {
    LensModel: '35mm F2.8',
    ExposureTime: '1/60',
    FNumber: '28/10',
    ISOSpeedRatings: '200',
    FocalLength: '35/1',
    DateTimeOriginal: '2026:05:01 12:34:56',
    OffsetTimeOriginal: '+02:00',
  },
  IFD3: {
    GPSLatitudeRef: 'S',
    GPSLatitude: '33/1 51/1 3599/100',
    GPSLongitudeRef: 'E',
    GPSLongitude: '151/1 12/1 0/1',
    GPSAltitude: '1234/10',
    GPSDateStamp: '2026:05:01',
  },
}

const READ: Exif = {
  make: 'Acme Optics',
  model: 'U-1',
  lens: '35mm F2.8',
  exposure_time: 0.0166667,
  f_number: 2.8,
  iso: 200,
  focal_length: 35,
  taken_at: '2026-05-01T12:34:56+02:00',
  orientation: 1,
}

const GPS = { latitude: -33.859997, longitude: 151.2, altitude: 123.4 }

const canvas = () => sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } })

/** The EXIF data of a file, as the service finds it. */
const exifOf = (file: Buffer) => {
  const { start, end } = readSource(file, 1e6).header.exif ?? expect.fail('no EXIF data')
  return file.subarray(start, end)
}

const block = exifOf(await canvas().withExif(WRITTEN).jpeg().toBuffer())

/** The same with other values, which must not be longer. */
async function readWith(ifd: 'IFD0' | 'IFD2' | 'IFD3', values: Record<string, string>) {
  const written = { ...WRITTEN, [ifd]: { ...WRITTEN[ifd], ...values } }
  return readExif(exifOf(await canvas().withExif(written).jpeg().toBuffer()), true)
}

test.each(['jpeg', 'png', 'webp'] as const)('reads what libexif wrote into a %s', async (format) => {
  const tiff = exifOf(await canvas().withExif(WRITTEN).toFormat(format).toBuffer())
  expect(readExif(tiff, false)).toEqual(READ)
  expect(readExif(tiff, true)).toEqual({ ...READ, gps: GPS })
})

test.each(['BYTE', 'SHORT', 'LONG', 'SBYTE', 'SSHORT', 'SLONG'] as const)(
  'reads a block with nothing but an orientation, a %s, into the metadata and the header',
  async (type) => {
    const jpeg = await canvas().jpeg().toBuffer()
    for (const order of ['II', 'MM'] as const) {
      expect(readExif(images.exif(6, order, type), true), order).toEqual({ orientation: 6 })
      const { header } = readSource(images.jpegWithOrientation(jpeg, 6, order, type), 1e6)
      expect(header.orientation, order).toBe(6)
    }
  },
)

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a header alone', Buffer.from('II*\0\x08\0\0\0', 'latin1')],
  ['an orientation that there is not', images.exif(9)],
  ['another kind of file', await canvas().withExif(WRITTEN).png().toBuffer()],
])('%s is undefined', (_, tiff) => {
  expect(readExif(tiff, true)).toBeUndefined()
})

test.each([
  ['2026:05:01 12:34:56', '-03:30', '2026-05-01T12:34:56-03:30'],
  ['2026:05:01 12:34:56', '      ', '2026-05-01T12:34:56'],
  ['2026:05:01 12:34:56', '+15:00', '2026-05-01T12:34:56'],
  ['2024:02:29 23:59:59', 'local ', '2024-02-29T23:59:59'],
  ['2026:02:29 12:00:00', '+02:00', undefined],
  ['2026:13:01 12:00:00', '+02:00', undefined],
  ['2026:05:01 24:00:01', '+02:00', undefined],
  ['0000:00:00 00:00:00', '+02:00', undefined],
  ['    :  :     :  :  ', '+02:00', undefined],
  ['2026-05-01T12:34:56', '+02:00', undefined],
])('the time %j with the offset %j is %j', async (stamp, offset, expected) => {
  const read = await readWith('IFD2', { DateTimeOriginal: stamp, OffsetTimeOriginal: offset })
  expect(read?.taken_at).toBe(expected)
})

test.each([
  [{ GPSLatitude: '91/1 0/1 0/1' }, undefined],
  [{ GPSLatitude: '1/0 0/1 0/1' }, undefined],
  [{ GPSLatitudeRef: 'X' }, undefined],
  [{ GPSLongitude: '180/1 0/1 1/1' }, undefined],
  [{ GPSLongitudeRef: 'W' }, { ...GPS, longitude: -151.2 }],
  [{ GPSAltitude: '1/0' }, { latitude: GPS.latitude, longitude: GPS.longitude }],
])('the place with %j is %j', async (values, expected) => {
  expect((await readWith('IFD3', values))?.gps).toEqual(expected)
})

test('numbers that cannot be are left out', async () => {
  const zeros = { ExposureTime: '0/1', FNumber: '1/0', ISOSpeedRatings: '0', FocalLength: '0/0' }
  const { exposure_time, f_number, iso, focal_length, ...rest } = READ
  expect(await readWith('IFD2', zeros)).toEqual({ ...rest, gps: GPS })
})

/** The block with other bytes in the place of its maker's name, which it keeps elsewhere. */
function withMake(make: Buffer): Buffer {
  const changed = Buffer.concat([block, make])
  const entry = changed.indexOf(Buffer.from([0x0f, 0x01, 2, 0]))
  changed.writeUInt32LE(make.length, entry + 4)
  changed.writeUInt32LE(block.length, entry + 8)
  return changed
}

test.each([
  ['control characters', Buffer.from('A\x01\x1b[31m\x7f\x85B\r\n'), 'A[31mB'],
  ['bytes that are no UTF-8', Buffer.from('A\xffB\x80C', 'latin1'), 'AÿBC'],
  ['half of a surrogate pair', Buffer.from('A\xed\xa0\x80B', 'latin1'), 'Aí\xa0B'],
  ['what turns text around', Buffer.from('A\u202eB\u2028C'), 'ABC'],
  ['a part after a NUL', Buffer.from('A maker\0 and more'), 'A maker'],
  ['nothing but NULs', Buffer.alloc(300), undefined],
  ['nothing but spaces', Buffer.alloc(300, ' '), undefined],
  ['emoji, 60,000 bytes', Buffer.from('📷'.repeat(15_000)), '📷'.repeat(100)],
])('a name with %s is cleaned', (_, name, make) => {
  const { make: read, ...rest } = readExif(withMake(name), false) ?? {}
  expect(read).toBe(make)
  expect(rest).toEqual({ ...READ, make: undefined })
})

const TEXT = /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u

function expectClean(read: Exif | undefined): void {
  if (!read) return
  const { make, model, lens, taken_at, gps, ...numbers } = read
  for (const text of [make, model, lens, taken_at]) if (text !== undefined) expect(text).toMatch(TEXT)
  for (const [name, value] of Object.entries({ ...numbers, ...gps }))
    expect(value, name).toSatisfy(Number.isFinite)
  for (const value of Object.values(numbers)) expect(value).toBeGreaterThan(0)
  expect(JSON.parse(JSON.stringify(read))).toEqual(read)
}

test('whatever bytes are changed, it ends soon with nothing or with clean values', async () => {
  // The multiplicative generator of Park and Miller: the same changes on every run.
  let seed = 2026
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const padded = Buffer.concat([block, Buffer.alloc(65_536 - block.length, 'EXIF')])
  let told = 0
  const change = () => {
    for (let i = 0; i < 6_000; i++) {
      const broken = Buffer.from(i % 10 === 0 ? padded : block)
      // Above all the directories: types, counts and offsets.
      for (let change = 0; change <= random(8); change++)
        broken[8 + random(block.length - 8)] = [0, 1, 2, 5, 255, random(256)][random(6)] ?? 0
      const read = readExif(i % 3 === 0 ? broken.subarray(0, random(broken.length)) : broken, true)
      expectClean(read)
      if (read) told++
    }
  }
  expect(await processorTime(change)).toBeLessThan(30_000)
  // Some of them still say something: it is not only the refusal that is tested.
  expect(told).toBeGreaterThan(1_000)
})

test('a directory of thousands of entries, each over all of the block, ends soon', async () => {
  const entries = 5_000
  const bomb = Buffer.alloc(65_536, 'A')
  bomb.write('II*\0\x08\0\0\0', 'latin1')
  bomb.writeUInt16LE(entries, 8)
  for (let i = 0; i < entries; i++) {
    const at = 10 + 12 * i
    bomb.writeUInt16LE([0x010f, 0x0110, 0x8769, 0x8825][i % 4] ?? 0, at)
    bomb.writeUInt16LE(i % 4 < 2 ? 2 : 4, at + 2)
    bomb.writeUInt32LE(i % 4 < 2 ? 65_000 : 1, at + 4)
    bomb.writeUInt32LE(i % 4 < 2 ? 0 : 8, at + 8)
  }
  expect(await processorTime(() => expectClean(readExif(bomb, true)))).toBeLessThan(5_000)
})
