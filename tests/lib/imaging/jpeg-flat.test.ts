import { describe, expect, test } from 'vitest'
import { blocksOf, decode, largest, SAMPLINGS, type Sampling, write } from './jpeg-blocks.ts'
import { draw, PICTURES } from './pictures.ts'

const NAMES = Object.keys(PICTURES) as (keyof typeof PICTURES)[]

const samplings = Object.keys(SAMPLINGS) as Sampling[]

describe.for(samplings)('%s', (sampling) => {
  test.for(['baseline', 'optimised', 'progressive', 'restart intervals'])(
    '%s: all scales show what was drawn',
    async (coding) => {
      const size = { width: 192, height: 128 }
      for (const name of NAMES) {
        const pixels = draw(name, size)
        const source = await write(pixels, size, sampling, coding)
        const full = await decode(source, 8, sampling)
        // A first coefficient is rounded by less than a level.
        if (sampling !== 'grey') {
          const drawn = blocksOf({ ...size, data: pixels }, 8, sampling)
          expect.soft(largest(full, drawn), `${name} at 8/8`).toBeLessThan(2)
        }
        for (const scale of [1, 2, 4] as const) {
          const most = largest(await decode(source, scale, sampling), full)
          expect.soft(most, `${name} at ${scale}/8`).toBeLessThan(2)
        }
      }
    },
  )
})
