import { beforeAll, expect, test } from 'vitest'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { boxSideFor, shrinkRows } from '../../../lib/imaging/shrink.ts'
import { readyCodec, takeBack } from '../../../lib/imaging/wasm/module.ts'
import { boxMeans } from './box-means.ts'

beforeAll(readyCodec)

/** Pixels that differ from all others; with `alphas`, those of a row in turn. */
function noise(width: number, height: number, alphas: (row: number) => readonly number[]): Bitmap {
  const data = Buffer.alloc(width * height * 4)
  for (let at = 0; at < data.length; at += 4) {
    const pixel = at / 4
    const inRow = alphas(Math.floor(pixel / width))
    data.writeUInt32LE((pixel * 2_654_435_761) % 2 ** 32, at)
    data[at + 3] = inRow[pixel % inRow.length] ?? 255
  }
  return { width, height, data }
}

/** Shrinks to boxes of a side, of rows pushed some at a time; the pixels are a copy. */
function shrink(source: Bitmap, side: number, rowsAtOnce = source.height): Bitmap {
  const { width, height, data } = source
  const target = { width: width / (2 * side), height: height / (2 * side) }
  const small = shrinkRows(source, target, (push) => {
    const step = rowsAtOnce * width * 4
    for (let at = 0; at < width * height * 4; at += step) push(data.subarray(at, at + step))
  })
  const copy = { ...small, data: Buffer.from(small.data) }
  takeBack(small.data)
  return copy
}

const opaque = () => [255]
const soft = () => [0, 1, 60, 128, 254, 255]
const mixed = (row: number) => (row % 3 ? [255] : [0, 200, 255])
const invisible = () => [0]

test.each([
  ['opaque', opaque],
  ['soft', soft],
  ['partly opaque', mixed],
  ['transparent', invisible],
])('of %s pixels come the exact means of boxes, also of those that the edges cut', (_, alphas) => {
  for (const [width, height, side] of [
    [40, 30, 2],
    [41, 31, 2],
    [37, 64, 3],
    [38, 29, 4],
    [71, 50, 7],
    [600, 270, 256],
    [5, 9, 1],
    [30_001, 3, 1],
  ] as const) {
    const source = noise(width, height, alphas)
    for (const rowsAtOnce of [height, 1, 5]) {
      const small = shrink(source, side, rowsAtOnce)
      const expected = side === 1 ? source : boxMeans(source, side)
      expect([small.width, small.height]).toEqual([expected.width, expected.height])
      expect(small.data.equals(expected.data)).toBe(true)
      const extent = { width: width / side, height: height / side }
      expect(small.extent).toEqual(side === 1 ? undefined : extent)
    }
  }
})

test('extremes fit the sums: white, white of every alpha, black', () => {
  for (const value of [0xffffffff, 0x00000000, 0xff000000, 0x01ffffff, 0xfeffffff]) {
    const data = Buffer.alloc(512 * 512 * 4)
    for (let at = 0; at < data.length; at += 4) data.writeUInt32LE(value, at)
    const source = { width: 512, height: 512, data }
    const small = shrink(source, 256)
    expect(small.data.equals(boxMeans(source, 256).data)).toBe(true)
  }
})

test('rows that are missing are transparent, and those beyond the height ignored', () => {
  const source = noise(20, 20, opaque)
  const part = shrink({ ...source, height: 9 }, 3)
  const target = { width: 20 / 6, height: 20 / 6 }
  for (let i = 0; i < 2; i++) {
    const small = shrinkRows(source, target, (push) => push(source.data.subarray(0, 20 * 9 * 4)))
    expect(small.data.subarray(0, part.data.length).equals(part.data)).toBe(true)
    expect(small.data.subarray(part.data.length).every((byte) => byte === 0)).toBe(true)
    takeBack(small.data)
    const more = shrinkRows(source, target, (push) => {
      for (const _ of [1, 2, 3]) push(source.data)
    })
    expect(more.data.equals(boxMeans(source, 3).data)).toBe(true)
    takeBack(more.data)
  }
})

test('boxes leave at least twice the sides of the target', () => {
  const target = { width: 320, height: 240 }
  expect(boxSideFor({ width: 4000, height: 3000 }, target)).toBe(6)
  expect(boxSideFor({ width: 4000, height: 1439 }, target)).toBe(2)
  expect(boxSideFor({ width: 1279, height: 3000 }, target)).toBe(1)
  expect(boxSideFor({ width: 100, height: 100 }, target)).toBe(1)
  expect(boxSideFor({ width: 30_000, height: 30_000 }, { width: 1, height: 1 })).toBe(256)
  expect(boxSideFor({ width: 4000, height: 3000 }, undefined)).toBe(1)
})
