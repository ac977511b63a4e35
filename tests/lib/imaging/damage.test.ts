import sharp from 'sharp'
import { expect, test } from 'vitest'
import { AppError } from '../../../lib/errors.ts'
import { decode } from '../../../lib/imaging/decode.ts'
import { readSource } from '../../../lib/imaging/probe.ts'
import { readyCodec, takeBack } from '../../../lib/imaging/wasm/module.ts'
import * as images from '../../support/images.ts'

const [width, height] = [90, 60]
const picture = (alphaOf: (x: number) => number) =>
  images.paint(width, height, (x, y) => [(x * 3) & 255, (x * y) & 255, (y * 5) & 255, alphaOf(x)])
const opaque = picture(() => 255)
const soft = picture((x) => (x * 7) & 255)
const toSharp = ({ data }: { data: Buffer }) => sharp(data, { raw: { width, height, channels: 4 } })

/** The reds of the picture, as bytes or as text. */
function graymap(magic: string, isRaw: boolean): Buffer {
  const reds = opaque.data.filter((_, i) => i % 4 === 0)
  return Buffer.concat([
    Buffer.from(`${magic} ${width} ${height} 255\n`),
    isRaw ? reds : Buffer.from([...reds].join(' ')),
  ])
}

const sources = {
  GIF: [await toSharp(opaque).gif().toBuffer(), await toSharp(soft).gif({ progressive: true }).toBuffer()],
  BMP: [await images.bmp(opaque)],
  PGM: [graymap('P5', true), graymap('P2', false)],
  WebP: [
    await toSharp(opaque).webp().toBuffer(),
    await toSharp(soft).webp().toBuffer(),
    await toSharp(soft).webp({ lossless: true }).toBuffer(),
  ],
}

/** Sources with some bytes changed and some cut off, the same ones at every run. */
function damage(whole: Buffer[]): Buffer[] {
  let seed = 11
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  return Array.from({ length: 150 }, (_, i) => {
    const source = Buffer.from(whole[i % whole.length] as Buffer)
    for (let change = 0; change <= random(3); change++) source[random(source.length)] = random(256)
    return random(3) === 0 ? source.subarray(0, source.length - random(source.length / 2)) : source
  })
}

/** The pixels, or why there are none. */
async function outcome(source: Buffer): Promise<string> {
  try {
    const { info, header } = readSource(source, 1_000_000)
    const { data } = await decode(source, info.format, header, { width: 10, height: 10 })
    const pixels = data.toString('base64')
    takeBack(data)
    return pixels
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}

test.each(Object.entries(sources))(
  'a damaged %s comes out the same whatever was decoded before it',
  async (_, whole) => {
    await readyCodec()
    const files = damage(whole)
    const forwards: string[] = []
    for (const file of files) forwards.push(await outcome(file))
    for (const [i, file] of [...files.entries()].reverse()) expect(await outcome(file)).toBe(forwards[i])
    const shown = forwards.filter((text) => !text.includes(' ')).length
    expect(shown).toBeGreaterThan(10)
    expect(shown).toBeLessThan(files.length)
  },
)
