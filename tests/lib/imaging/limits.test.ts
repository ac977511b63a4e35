import { afterEach, expect, test } from 'vitest'
import { type Imaging, type ImagingOptions, openImaging } from '../../../lib/imaging/index.ts'
import { type RenditionSpec, THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import { parseTransformations } from '../../../lib/photos/transformations.ts'
import * as images from '../../support/images.ts'
import { makeJpeg } from './make-jpeg.ts'

const small = await images.jpeg(images.sample(480, 320))

/** More than any machine has. */
const NO_LIMIT = 2 ** 50

/** A progressive JPEG that says it is so large that all of its pixels and coefficients are more than WebAssembly can have. */
function enormous(): Buffer {
  const file = makeJpeg({ width: 8, height: 8, block: () => [128, 128, 128], frame: 0xc2 })
  const frame = file.indexOf(Buffer.from([0xff, 0xc2]))
  file.writeUInt16BE(30_000, frame + 5)
  file.writeUInt16BE(30_000, frame + 7)
  return file
}

/** Needs every pixel of its source. */
const corner = parseTransformations(['crop:0,0,8,8'])

const opened: Imaging[] = []

function open(options: Partial<ImagingOptions>): Imaging {
  const imaging = openImaging({ threads: 2, maxPixels: 1e9, renderTimeoutMs: 60_000, ...options })
  opened.push(imaging)
  return imaging
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((imaging) => imaging.close()))
})

const TOO_MUCH = {
  name: 'AppError',
  code: 'too-many-pixels',
  status: 422,
  retry: false,
  message: 'The image takes more memory than there is',
}

/** A renderer that has the fault which the first rendition is named after. */
const program = new URL('./faulty-renderer.ts', import.meta.url)

test('a picture for which a renderer lacks memory is rendered once more', async () => {
  const [rendition] = parseTransformations(['fit:400x400']).renditions as [RenditionSpec]
  const imaging = open({ threads: 1, program })
  const { renditions } = await imaging.render(small, { renditions: [{ ...rendition, name: 'starved' }] })
  expect(renditions).toMatchObject([{ width: 400, height: 267 }])
})

test.each([0, 1])(
  'a picture for which there is no memory fails for good, and harms no other, with %d threads',
  async (threads) => {
    const imaging = open({ threads, renderMemory: NO_LIMIT })
    const results = await Promise.allSettled(
      [small, enormous(), small].map((source) => imaging.render(Buffer.from(source), corner)),
    )
    expect(results).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: TOO_MUCH },
      { status: 'fulfilled' },
    ])
  },
)

test('a picture that could not be rendered in all the memory of the machine is not tried', async () => {
  const renditions = Array.from(
    { length: 1000 },
    (): RenditionSpec => ({ name: 'exit', operations: [{ op: 'flip', axis: 'h' }], format: 'webp' }),
  )
  // Were it tried, the renderer would end.
  const imaging = open({ renderMemory: 1, program })
  await expect(imaging.render(enormous(), { renditions })).rejects.toMatchObject(TOO_MUCH)
})

test('renders that together take more memory than they may wait for one another', async () => {
  const imaging = open({ threads: 2, renderMemory: 1 })
  const renditions = Array.from(
    { length: 20 },
    (_, i): RenditionSpec => ({ name: `${i}`, operations: [], format: 'png' }),
  )
  const large = await images.jpeg(images.sample(1000, 800))
  await imaging.render(small, THUMBNAIL_RECIPE)
  const ended: string[] = []
  await Promise.all([
    imaging.render(large, { renditions }).then(() => ended.push('large')),
    imaging.render(small, THUMBNAIL_RECIPE).then(() => ended.push('small')),
  ])
  expect(ended).toEqual(['large', 'small'])
})

test.each([0, 1])('what costs too much is refused before it is decoded, with %d threads', async (threads) => {
  const imaging = open({ threads, maxCost: 400 })
  const blurs = parseTransformations(Array(18).fill('blur:9'))
  await expect(imaging.render(enormous(), blurs)).rejects.toMatchObject({
    code: 'too-costly',
    status: 422,
    retry: false,
    message: 'The operations cost 129600 megapixels, more than the 400 allowed',
  })
  expect((await imaging.render(small, blurs)).renditions).toHaveLength(1)
})
