import { truncate } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { openImaging } from '../../../lib/imaging/index.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { SETUPS } from '../../support/app.ts'
import { WASM, withCopiedTree } from '../../support/copied-tree.ts'
import * as images from '../../support/images.ts'
import { addPhoto, expectCompleted, inspect, withPipeline } from './support.ts'

const jpeg = await images.jpeg(images.sample(400, 300))

const BROKEN = [
  { name: 'the module of the image path is missing', files: [WASM] },
  { name: 'the module of the image path is cut off', bytes: 1000 },
  { name: 'a package is missing', packages: ['@jimp'] },
]

test.each(BROKEN)('a photo waits while $name', ({ bytes, ...without }) =>
  withPipeline(
    SETUPS[0],
    async (pipeline) => {
      const uuid = await addPhoto(pipeline, jpeg)
      await withCopiedTree(without, async (root) => {
        if (bytes) await truncate(path.join(root, WASM), bytes)
        const program = pathToFileURL(path.join(root, 'lib/imaging/renderers/renderer.ts'))
        const { maxSourcePixels: maxPixels, renderTimeoutMs } = pipeline.app.config
        const imaging = openImaging({ threads: 1, maxPixels, renderTimeoutMs, program })
        try {
          for (let i = 0; i < 3; i++)
            expect(await processPhoto({ ...pipeline.app, imaging }, uuid)).toBe('retried')
        } finally {
          await imaging.close()
        }
      })
      const { photo, timeline } = await inspect(pipeline, uuid)
      expect(photo).toMatchObject({ status: 'pending', attempts: 0, error_code: null })
      expect(timeline.at(-2)).toMatchObject({
        type: 'image.retrying',
        detail: expect.stringMatching(/^imaging-broken: /),
      })
      expect(await processPhoto(pipeline.app, uuid)).toBe('completed')
      await expectCompleted(pipeline, uuid)
    },
    { MAX_ATTEMPTS: '2' },
  ),
)
