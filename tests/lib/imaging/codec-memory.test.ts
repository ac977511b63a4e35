import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { decodeJpeg } from '../../../lib/imaging/decode/jpeg.ts'
import { keepAtMost } from '../../../lib/imaging/wasm/large.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterAll(() => {
  vi.useRealTimers()
})

const jpeg = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#286' } })
    .jpeg()
    .toBuffer()

/** Decodes a picture and gives its memory back; returns that memory. */
async function use(source: Buffer, width: number, height: number) {
  const { data } = await decodeJpeg(source, { width, height })
  takeBack(data)
  return data.buffer
}

test('the memory of a large picture is given back after ten seconds, though small pictures follow', async () => {
  const [large, small] = await Promise.all([jpeg(4000, 3000), jpeg(40, 30)])
  const first = await use(large, 4000, 3000)
  vi.advanceTimersByTime(9_000)
  expect((await use(large, 4000, 3000)) === first).toBe(true)
  for (let i = 0; i < 4; i++) {
    vi.advanceTimersByTime(3_000)
    expect((await use(small, 40, 30)) === first).toBe(false)
  }
  expect((await use(large, 4000, 3000)) === first).toBe(false)
})

test('no more memory is kept than may be', async () => {
  const large = await jpeg(4000, 3000)
  const first = await use(large, 4000, 3000)
  keepAtMost(first.byteLength)
  expect((await use(large, 4000, 3000)) === first).toBe(true)
  keepAtMost(first.byteLength - 1)
  expect((await use(large, 4000, 3000)) === first).toBe(true)
  expect((await use(large, 4000, 3000)) === first).toBe(false)
})
