import { describe, expect, test } from 'vitest'
import { decodeScaled } from '../../../lib/imaging/decode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'
import { decode, largest, write } from './jpeg-blocks.ts'
import { draw, type PICTURES } from './pictures.ts'

/**
 * Pictures whose flat part has more blocks than the list of a lane holds (`assembly/lanes.ts`), within the range of one
 * lane: half of what is coded, or 2^19 bits of it.
 */
describe('more flat blocks than a list holds', () => {
  test.for([
    ['flat', '4:4:4', 'optimised', 2048, 1472],
    ['flat', '4:2:2', 'optimised', 2304, 1984],
    ['flat', '4:2:0', 'optimised', 3072, 1984],
    ['flat', '4:1:1', 'optimised', 3072, 1984],
    ['flat', 'grey', 'optimised', 3072, 2944],
    ['half flat', '4:4:4', 'baseline', 2560, 1472],
    ['page', '4:4:4', 'baseline', 3072, 1472],
    ['page', '4:2:2', 'optimised', 2304, 1984],
    ['product', '4:2:0', 'optimised', 4096, 2944],
    ['half flat', '4:2:0', 'baseline', 3072, 3072],
    ['flat', '4:4:4', 'long restart intervals', 2048, 1664],
  ] as const)('%s, %s, %s', async ([name, sampling, coding, width, height]) => {
    const size = { width, height }
    const source = await write(draw(name, size), size, sampling, coding)
    const full = await decode(source, 8, sampling)
    expect(largest(await decode(source, 1, sampling), full)).toBeLessThan(2)
  })

  test('take no longer than as much noise', async () => {
    const size = { width: 2048, height: 1472 }
    const leastTime = async (name: keyof typeof PICTURES) => {
      const source = await write(draw(name, size), size, '4:4:4', 'optimised')
      const header = readJpegHeader(source, () => {})
      const times: number[] = []
      for (let turn = 0; turn < 5; turn++) {
        const before = process.cpuUsage()
        takeBack((await decodeScaled(source, header, 1)).data)
        const { user, system } = process.cpuUsage(before)
        times.push(user + system)
      }
      return Math.min(...times)
    }
    expect(await leastTime('flat')).toBeLessThan(2 * (await leastTime('noise')))
  })
})
