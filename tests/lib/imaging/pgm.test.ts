import { expect, test } from 'vitest'
import type { AppError } from '../../../lib/errors.ts'
import { decode } from '../../../lib/imaging/decode.ts'
import { readSource } from '../../../lib/imaging/probe.ts'
import { readyCodec, takeBack } from '../../../lib/imaging/wasm/module.ts'

const pgm = (header: string, samples: number[] | Buffer = []) =>
  Buffer.concat([Buffer.from(header, 'latin1'), Buffer.from(samples)])

/** The greys of all pixels, -1 where there is nothing; or the code of the error. */
async function greys(source: Buffer): Promise<number[] | string> {
  await readyCodec()
  try {
    const { info, header } = readSource(source, 1_000_000)
    const { data } = await decode(source, info.format, header, undefined)
    const pixels = Array.from({ length: data.length / 4 }, (_, i) => [...data.subarray(4 * i, 4 * i + 4)])
    takeBack(data)
    return pixels.map(([red = 0, green, blue, alpha]) => {
      expect([green, blue]).toEqual([red, red])
      return alpha === 255 ? red : -1
    })
  } catch (error) {
    return (error as AppError).code
  }
}

test.for([
  ['raw', pgm('P5 3 2 255\n', [0, 1, 2, 253, 254, 255]), [0, 1, 2, 253, 254, 255]],
  ['with comments', pgm('P5#a\n# b 7 #\r3#c\n2 # 9\n255\n', [35, 10, 32, 9, 8, 7]), [35, 10, 32, 9, 8, 7]],
  ['of a white below 255', pgm('P5 4 1 3\n', [0, 1, 2, 3]), [0, 85, 170, 255]],
  ['of a white of 1', pgm('P5 2 1 1\n', [0, 1]), [0, 255]],
  ['with samples above white', pgm('P5 3 1 10\n', [9, 10, 200]), [230, 255, 255]],
  ['of 16 bits', pgm('P5 3 1 65535\n', [0, 0, 128, 128, 255, 255]), [0, 128, 255]],
  ['of 9 bits', pgm('P5 2 1 256\n', [1, 0, 0, 128]), [255, 128]],
  ['plain', pgm('P2\n3 2\n255\n0 1 2\n253 254 255'), [0, 1, 2, 253, 254, 255]],
  ['plain, with comments', pgm('P2 2 2 15 # x\n0\t15#no\n7\r\n99999999999'), [0, 255, 119, 255]],
  ['with a row that is cut off', pgm('P5 2 3 255\n', [1, 2, 3, 4, 5]), [1, 2, 3, 4, -1, -1]],
  ['plain, with a row that is cut off', pgm('P2 2 3 255\n1 2 3 4 5'), [1, 2, 3, 4, -1, -1]],
] as const)('a graymap %s', async ([, source, expected]) => expect(await greys(source)).toEqual(expected))

test.for([
  ['more than half cut off', pgm('P5 2 4 255\n', [1, 2, 3]), 'corrupt-image'],
  ['plain, more than half cut off', pgm('P2 2 4 255\n1 2 3'), 'corrupt-image'],
  ['plain and almost all blanks', pgm(`P2 2 4 255\n1${' '.repeat(99)}`), 'corrupt-image'],
  ['plain, with a letter', pgm('P2 2 1 255\n1 x'), 'corrupt-image'],
  ['plain, with a sign', pgm('P2 2 1 255\n1 -1'), 'corrupt-image'],
  ['a white of 0', pgm('P5 1 1 0\n', [0]), 'corrupt-image'],
  ['a white of 65536', pgm('P5 1 1 65536\n', [0, 0]), 'corrupt-image'],
  ['a width of 0', pgm('P5 0 1 255\n', [0]), 'corrupt-image'],
  ['no height', pgm('P5 1'), 'corrupt-image'],
  ['a number without an end', pgm(`P5 ${'1'.repeat(99)}`), 'corrupt-image'],
  ['a comment without an end', pgm(`P5 #${'x'.repeat(200_000)}`), 'corrupt-image'],
  ['too wide', pgm('P5 30001 1 255\n'), 'too-many-pixels'],
  ['too many pixels', pgm('P5 2000 1000 255\n'), 'too-many-pixels'],
  ['text', pgm('P2 is the second of five'), 'unsupported-format'],
  ['a pixmap', pgm('P6 1 1 255\n', [1, 2, 3]), 'unsupported-format'],
] as const)('%s is refused', async ([, source, code]) => expect(await greys(source)).toBe(code))

test('is shrunk while it is read', async () => {
  await readyCodec()
  const source = pgm('P5 400 300 255\n', Buffer.alloc(120_000, 99))
  const { info, header } = readSource(source, 1_000_000)
  const bitmap = await decode(source, info.format, header, { width: 20, height: 15 })
  expect([bitmap.width, bitmap.height, bitmap.data[0]]).toEqual([40, 30, 99])
  takeBack(bitmap.data)
})
