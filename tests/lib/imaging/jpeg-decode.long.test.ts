import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CODINGS, compare, decode, expected, expectPixels, SAMPLINGS, waves } from './jpeg-pixels.ts'

const SIDES = Array.from({ length: 40 }, (_, i) => i + 1)

describe.for(Object.entries(SAMPLINGS))('%s', ([, sampling]) => {
  test.for(CODINGS)('%s, all sizes to 40', ([, kind]) => expectPixels(sampling, kind, SIDES))
})

test('decodes whatever sharp encodes, as sharp does', async () => {
  const options = fc.record({
    width: fc.integer({ min: 1, max: 90 }),
    height: fc.integer({ min: 1, max: 90 }),
    noise: fc.constantFrom(0, 0.2, 1),
    seed: fc.nat(1000),
    quality: fc.integer({ min: 1, max: 100 }),
    progressive: fc.boolean(),
    mozjpeg: fc.boolean(),
    grey: fc.boolean(),
    chromaSubsampling: fc.constantFrom('4:4:4', '4:2:0'),
  })
  await fc.assert(
    fc.asyncProperty(options, async ({ width, height, noise, seed, grey, ...jpeg }) => {
      const image = waves(width, height, noise, seed)
      const source = await (grey ? image.grayscale() : image).jpeg(jpeg).toBuffer()
      const { mean, most } = compare(await decode(source), await expected(source))
      expect(mean).toBeLessThanOrEqual(1)
      expect(most).toBeLessThanOrEqual(3)
    }),
    { numRuns: 300, seed: 7 },
  )
})
