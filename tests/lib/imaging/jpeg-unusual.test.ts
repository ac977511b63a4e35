import sharp from 'sharp'
import { expect, test } from 'vitest'
import { decodeScaled, SCALES, type Scale } from '../../../lib/imaging/decode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { draw } from './pictures.ts'

const decode = (source: Buffer, scale: Scale = 8) =>
  decodeScaled(
    source,
    readJpegHeader(source, () => {}),
    scale,
  )

const size = { width: 96, height: 80 }
const image = sharp(draw('product', size), { raw: { ...size, channels: 3 } })
const whole = await image.jpeg({ optimiseCoding: false }).toBuffer()

/** The marker segments before the scan, each with its marker. */
function headSegments(source: Buffer): Buffer[] {
  const segments: Buffer[] = []
  for (let at = 2; source[at + 1] !== 0xda; ) {
    const end = at + 2 + source.readUInt16BE(at + 2)
    segments.push(source.subarray(at, end))
    at = end
  }
  return segments
}

test.for(SCALES)(
  'at %d/8 a frame of Motion JPEG, without Huffman tables, has the standard ones',
  async (scale) => {
    const segments = headSegments(whole)
    const scan = whole.subarray(2 + segments.reduce((sum, { length }) => sum + length, 0))
    const frame = Buffer.concat([
      whole.subarray(0, 2),
      ...segments.filter((segment) => segment[1] !== 0xc4),
      scan,
    ])
    expect(frame.length).toBeLessThan(whole.length - 400)
    expect((await decode(frame, scale)).data).toEqual((await decode(whole, scale)).data)
  },
)

test('a progressive picture without Huffman tables is refused: the standard ones are not for its codes', async () => {
  const progressive = await image.clone().jpeg({ progressive: true }).toBuffer()
  let source = progressive
  for (let at = source.indexOf('ffc4', 'hex'); at >= 0; at = source.indexOf('ffc4', 'hex'))
    source = Buffer.concat([source.subarray(0, at), source.subarray(at + 2 + source.readUInt16BE(at + 2))])
  await expect(decode(source)).rejects.toMatchObject({ code: 'corrupt-image' })
})

test.for(['1 1 1', '0 0 0', '1 2 2'])('components %s are taken in their order, as by sharp', async (ids) => {
  const source = Buffer.from(whole)
  const frame = source.indexOf('ffc0', 'hex')
  const scan = source.indexOf('ffda', 'hex')
  for (const [i, id] of ids.split(' ').map(Number).entries()) {
    source[frame + 10 + 3 * i] = id
    source[scan + 5 + 2 * i] = id
  }
  expect((await decode(source)).data).toEqual((await decode(whole)).data)
  const shown = await sharp(source, { failOn: 'none' }).raw().toBuffer()
  expect(shown).toEqual(await sharp(whole).raw().toBuffer())
})

test('a scan that names a component twice is refused', async () => {
  const source = Buffer.from(whole)
  source[source.indexOf('ffda', 'hex') + 7] = 1
  await expect(decode(source)).rejects.toMatchObject({ code: 'corrupt-image' })
})

test.for([
  ['Arithmetic-coded', [0xc9, 0xca]],
  ['Lossless', [0xc3, 0xcb]],
  ['Hierarchical', [0xc5, 0xc6, 0xc7, 0xcd, 0xce, 0xcf, 0xde]],
  ['Lossless (JPEG-LS)', [0xf7]],
] as const)('%s JPEG is refused by its name', ([kind, markers]) => {
  for (const marker of markers) {
    const source = Buffer.from(whole)
    source[source.indexOf('ffc0', 'hex') + 1] = marker
    expect(() => readJpegHeader(source, () => {})).toThrow(
      expect.objectContaining({ code: 'unsupported-format', message: `${kind} JPEG is not supported` }),
    )
  }
})
