import { beforeAll, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { decodeBmp } from '../../../lib/imaging/decode/bmp.ts'
import { readBmpHeader } from '../../../lib/imaging/headers/bmp.ts'
import type { Size } from '../../../lib/imaging/operations.ts'
import { readyCodec, takeBack } from '../../../lib/imaging/wasm/module.ts'
import * as images from '../../support/images.ts'
import { boxMeans } from './box-means.ts'
import { type BmpFields, makeBmp } from './write-bmp.ts'

beforeAll(readyCodec)

const NAMES: Record<string, string> = {
  ff0000ff: 'R',
  '00ff00ff': 'G',
  '0000ffff': 'B',
  '00000000': '-',
  '000000ff': 'K',
  ff000080: 'r',
}
const palette = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
]

/** Decodes a BMP; the pixels are a copy. */
function decode(source: Buffer, target?: Size): Bitmap {
  const header = readBmpHeader(source, () => {})
  const bitmap = decodeBmp(source, header, target)
  const copy = { ...bitmap, data: Buffer.from(bitmap.data) }
  takeBack(bitmap.data)
  return copy
}

/** The picture as letters, row by row. */
const letters = (source: Buffer): string =>
  decode(source)
    .data.toString('hex')
    .replace(/.{8}/g, (pixel) => NAMES[pixel] ?? '?')
    .replace(/.{3}/, '$& ')

const full = Array.from({ length: 256 }, (_, i) => palette[i] ?? [9, 9, 9])
const argb = [0xff0000, 0xff00, 0xff, 0xff000000]
const translucent = '0000ff8000ff00ffff0000ff 0000ff800000ffff0000ffff'

// Rows are stored from the bottom: GBR below RGB.
test.each([
  [
    '1 bit',
    '40000000 a0000000',
    {
      bits: 1,
      palette: [
        [255, 0, 0],
        [0, 255, 0],
      ],
    },
    'GRG RGR',
  ],
  ['2 bits', '60000000 18000000', { bits: 2, palette }, 'RGB GBR'],
  ['4 bits, odd width', '12000000 01200000', { bits: 4, palette }, 'RGB GBR'],
  ['8 bits', '01020000 00010200', { bits: 8, palette }, 'RGB GBR'],
  ['16 bits', 'e0031f00007c0000 007ce0031f000000', { bits: 16 }, 'RGB GBR'],
  [
    '16 bits, masks of 5-6-5',
    'e0071f0000f80000 00f8e0071f000000',
    { bits: 16, compression: 3, masks: [0xf800, 0x7e0, 0x1f] },
    'RGB GBR',
  ],
  ['24 bits', '00ff00ff00000000ff000000 0000ff00ff00ff0000000000', { bits: 24 }, 'RGB GBR'],
  [
    '24 bits, top down',
    '0000ff00ff00ff0000000000 00ff00ff00000000ff000000',
    { bits: 24, topDown: true },
    'RGB GBR',
  ],
  [
    '24 bits after a gap',
    '00ff00ff00000000ff000000 0000ff00ff00ff0000000000',
    { bits: 24, gap: 6 },
    'RGB GBR',
  ],
  [
    '24 bits of version 2',
    '00ff00ff00000000ff000000 0000ff00ff00ff0000000000',
    { bits: 24, headerBytes: 12 },
    'RGB GBR',
  ],
  ['8 bits of version 2', '01020000 00010200', { bits: 8, headerBytes: 12, palette: full }, 'RGB GBR'],
  [
    '8 bits of OS/2, header of 16 bytes',
    '01020000 00010200',
    { bits: 8, headerBytes: 16, palette: full },
    'RGB GBR',
  ],
  [
    '8 bits of OS/2, header of 36 bytes',
    '01020000 00010200',
    { bits: 8, headerBytes: 36, palette },
    'RGB GBR',
  ],
  [
    '8 bits of OS/2, header of 64 bytes',
    '01020000 00010200',
    { bits: 8, headerBytes: 64, palette },
    'RGB GBR',
  ],
  [
    '8 bits, a palette of one colour',
    '00000000 00010200',
    { bits: 8, palette: palette.slice(0, 1), gap: 8 },
    'RKK RRR',
  ],
  ['8 bits, no offset', '01020000 00010200', { bits: 8, palette, offset: 0 }, 'RGB GBR'],
  ['8 bits without the padding of the last row', '01020000 000102', { bits: 8, palette }, 'RGB GBR'],
  [
    '16 bits with the masks of version 4',
    'e0071f0000f80000 00f8e0071f000000',
    { bits: 16, compression: 3, headerBytes: 108, masks: [0xf800, 0x7e0, 0x1f, 0] },
    'RGB GBR',
  ],
  [
    '32 bits, masks of 10 bits',
    '00fc0f00ff0300000000f03f 0000f03f00fc0f00ff030000',
    { bits: 32, compression: 3, masks: [0x3ff00000, 0xffc00, 0x3ff] },
    'RGB GBR',
  ],
  [
    '32 bits with an alpha channel, without masks',
    translucent,
    { bits: 32, headerBytes: 108, masks: argb },
    'rRR rGB',
  ],
  [
    '32 bits with an alpha channel, with masks',
    translucent,
    { bits: 32, compression: 3, headerBytes: 108, masks: argb },
    'rRR rGB',
  ],
  [
    '32 bits with an alpha channel behind the header',
    translucent,
    { bits: 32, compression: 6, masks: argb },
    'rRR rGB',
  ],
  [
    '32 bits with an alpha channel that is left zero',
    '00ff0000ff0000000000ff00 0000ff0000ff0000ff000000',
    { bits: 32, headerBytes: 124, masks: argb },
    'RGB GBR',
  ],
  ['32 bits', '00ff0000ff0000000000ff00 0000ff0000ff0000ff000000', { bits: 32 }, 'RGB GBR'],
  [
    'runs of 8 bits',
    '0101 0102 0100 0000 000300010200 0001',
    { bits: 8, compression: 1, palette },
    'RGB GBR',
  ],
  ['runs of 4 bits', '0312 0000 00030120 0001', { bits: 4, compression: 2, palette }, 'RGB GBG'],
  [
    'runs from the top',
    '0101 0102 0100 0000 000300010200 0001',
    { bits: 8, compression: 1, palette, topDown: true },
    'GBR RGB',
  ],
  [
    'runs that are longer than a row',
    'ff01 0000 0006000102000102 0000 ff00 0001',
    { bits: 8, compression: 1, palette },
    'RGB GGG',
  ],
  [
    'runs that jump back, beyond and on',
    '0002 ff00 0101 0002 0001 0102 0001',
    { bits: 8, compression: 1, palette },
    '--- ---',
  ],
  ['runs that end early', '0101 0001', { bits: 8, compression: 1, palette }, '--- G--'],
  ['runs without an end', '0301 0000 0302', { bits: 8, compression: 1, palette }, 'BBB GGG'],
  ['rows that are cut off', '0000ff00ff00ff0000000000 00ff00', { bits: 24 }, '--- RGB'],
  ['runs that are cut off', '0301 0000', { bits: 8, compression: 1, palette }, '--- GGG'],
  ['literals that are cut off', '0301 0000 000300', { bits: 8, compression: 1, palette }, '--- GGG'],
  ['runs that jump', '0000 0002 0200 0101 0001', { bits: 8, compression: 1, palette }, '--G ---'],
] as const)('decodes %s', (_, rows, fields, expected) => {
  expect(letters(makeBmp(rows, fields as unknown as BmpFields))).toBe(expected)
})

test.each([
  ['rows', '00ff00', { bits: 24 }],
  ['runs', '', { bits: 8, compression: 1, palette }],
  ['literals', '000300', { bits: 8, compression: 1, palette }],
])('refuses %s of which more than half is missing', (_, rows, fields) => {
  expect(() => decode(makeBmp(rows, fields))).toThrow('more than half of it is missing or damaged')
})

test('what a row has no room for takes no time', () => {
  const runs = makeBmp(`${'ff01'.repeat(4_000_000)} 0001`, { bits: 8, compression: 1, palette })
  const start = process.cpuUsage()
  expect(letters(runs)).toBe('--- GGG')
  // Drawing all of it, a thousand million pixels, takes more than two seconds.
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(1_000)
})

test('makes smaller pictures of the means of boxes, also of what is cut off', async () => {
  const noise = images.paint(203, 101, (x, y) => [
    (x * 91 + y * 57) & 255,
    (x * y) & 255,
    (x * 13) & 255,
    255,
  ])
  const source = await images.bmp(noise)
  for (const cut of [source, source.subarray(0, source.length * 0.7)]) {
    const small = decode(cut, { width: 203 / 6, height: 101 / 6 })
    expect(small.data.equals(boxMeans(decode(cut), 3).data)).toBe(true)
  }
})
