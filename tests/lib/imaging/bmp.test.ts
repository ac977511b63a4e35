import { expect, test } from 'vitest'
import { decodeBmp } from '../../../lib/imaging/decode/bmp.ts'
import { readBmpHeader } from '../../../lib/imaging/headers/bmp.ts'

type Fields = {
  bits: number
  compression?: number
  topDown?: boolean
  masks?: number[]
  palette?: number[][]
  gap?: number
}

/** A BMP of 3x2 with the header of version 3 and the rows given. */
function makeBmp(
  rows: string,
  { bits, compression = 0, topDown = false, masks = [], palette = [], gap = 0 }: Fields,
) {
  const tables = Buffer.from(palette.flatMap(([red = 0, green = 0, blue = 0]) => [blue, green, red, 0]))
  const head = Buffer.alloc(54 + masks.length * 4)
  head.write('BM')
  head.writeUInt32LE(head.length + tables.length + gap, 10)
  head.writeUInt32LE(40, 14)
  head.writeInt32LE(3, 18)
  head.writeInt32LE(topDown ? -2 : 2, 22)
  head.writeUInt16LE(1, 26)
  head.writeUInt16LE(bits, 28)
  head.writeUInt32LE(compression, 30)
  head.writeUInt32LE(palette.length, 46)
  for (const [i, mask] of masks.entries()) head.writeUInt32LE(mask, 54 + i * 4)
  return Buffer.concat([head, tables, Buffer.alloc(gap, 0x77), Buffer.from(rows.replaceAll(' ', ''), 'hex')])
}

const NAMES: Record<string, string> = {
  ff0000ff: 'R',
  '00ff00ff': 'G',
  '0000ffff': 'B',
  '00000000': '-',
  '000000ff': 'K',
}
const palette = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
]

/** The picture as letters, row by row. */
const decode = (source: Buffer) =>
  decodeBmp(
    source,
    readBmpHeader(source, () => {}),
  )

function letters(source: Buffer): string {
  const { data } = decode(source)
  return data
    .toString('hex')
    .replace(/.{8}/g, (pixel) => NAMES[pixel] ?? '?')
    .replace(/.{3}/, '$& ')
}

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
  ['32 bits', '00ff0000ff0000000000ff00 0000ff0000ff0000ff000000', { bits: 32 }, 'RGB GBR'],
  [
    'runs of 8 bits',
    '0101 0102 0100 0000 000300010200 0001',
    { bits: 8, compression: 1, palette },
    'RGB GBR',
  ],
  ['runs of 4 bits', '0312 0000 00030120 0001', { bits: 4, compression: 2, palette }, 'RGB GBG'],
  ['runs that jump', '0000 0002 0200 0101 0001', { bits: 8, compression: 1, palette }, '--G ---'],
] as const)('decodes %s', (_, rows, fields, expected) => {
  expect(letters(makeBmp(rows, fields as unknown as Fields))).toBe(expected)
})

test.each([
  ['rows', '00ff00', { bits: 24 }],
  ['runs', '0301', { bits: 8, compression: 1, palette }],
])('refuses %s that end too soon', (_, rows, fields) => {
  expect(() => decode(makeBmp(rows, fields))).toThrow(expect.objectContaining({ code: 'corrupt-image' }))
})
