import { spawnSync } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import { type Imaging, type ImagingOptions, openImaging } from '../../../lib/imaging/index.ts'
import { type Recipe, THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import * as images from '../../support/images.ts'

const tiny = await images.jpeg(images.sample(48, 32))
const small = await images.jpeg(images.sample(480, 320))

/** Takes a minute: the same rendition some hundred times. */
const endless: Recipe = {
  renditions: Array.from({ length: 300 }, (_, i) => ({
    name: `big-${i}`,
    operations: [],
    format: 'png',
  })),
}
const large = await images.jpeg(images.sample(2000, 1500))

const opened: Imaging[] = []

function open(options: Partial<ImagingOptions>): Imaging {
  const imaging = openImaging({ threads: 2, maxPixels: 50_000_000, renderTimeoutMs: 10_000, ...options })
  opened.push(imaging)
  return imaging
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((imaging) => imaging.close()))
})

test('renders the same inline and in threads, many at once', async () => {
  const inline = await open({ threads: 0 }).render(small, THUMBNAIL_RECIPE)
  const expected = Buffer.from(inline.renditions[0]?.data ?? expect.fail())
  const threaded = open({ threads: 2 })
  const all = await Promise.all(Array.from({ length: 12 }, () => threaded.render(small, THUMBNAIL_RECIPE)))
  for (const { source, renditions } of all) {
    expect(source).toEqual(inline.source)
    expect(renditions).toMatchObject([
      { name: 'thumbnail', contentType: 'image/jpeg', width: 320, height: 213 },
    ])
    expect(Buffer.from(renditions[0]?.data ?? []).equals(expected)).toBe(true)
  }
})

test.each([0, 1])('leaves the source as it is, with %d threads', async (threads) => {
  const imaging = open({ threads })
  const larger = new Uint8Array(small.length + 100).fill(7)
  larger.set(small, 50)
  const view = larger.subarray(50, 50 + small.length)
  const whole = new Uint8Array(small)
  const [one, other, again] = [
    await imaging.render(view, THUMBNAIL_RECIPE),
    await imaging.render(whole, THUMBNAIL_RECIPE),
    await imaging.render(whole, THUMBNAIL_RECIPE),
  ]
  expect(Buffer.from(whole).equals(small)).toBe(true)
  expect(Buffer.from(view).equals(small)).toBe(true)
  for (const { renditions } of [other, again])
    expect(Buffer.from(renditions[0]?.data ?? []).equals(one.renditions[0]?.data ?? small)).toBe(true)
})

test('what one source leaves in the memory of a renderer shows in no other', async () => {
  const imaging = open({ threads: 1 })
  const alone = await imaging.render(tiny, THUMBNAIL_RECIPE)
  await imaging.render(large, THUMBNAIL_RECIPE)
  const after = await imaging.render(tiny, THUMBNAIL_RECIPE)
  expect({ ...after, timings: 0 }).toEqual({ ...alone, timings: 0 })
})

test.each([0, 1])('gives the same errors with %d threads', async (threads) => {
  const imaging = open({ threads })
  const fails = (source: Uint8Array) => imaging.render(source, THUMBNAIL_RECIPE)
  await expect(fails(new Uint8Array())).rejects.toMatchObject({
    name: 'AppError',
    code: 'empty-source',
    status: 422,
  })
  await expect(fails(small.subarray(0, 3000))).rejects.toMatchObject({
    name: 'AppError',
    code: 'corrupt-image',
    status: 422,
    retry: false,
    message: 'The image cannot be decoded: more than half of it is missing or damaged',
  })
  await expect(open({ threads, maxPixels: 1000 }).render(small, THUMBNAIL_RECIPE)).rejects.toMatchObject({
    code: 'too-many-pixels',
  })
})

test.each([0, 1])('tells with %d threads what caused a fault of its own, and where', async (threads) => {
  const recipe = {
    renditions: [{ name: 'a', operations: [{ op: 'blur', radius: 1n }], format: 'png' }],
  } as unknown as Recipe
  await expect(open({ threads }).render(small, recipe)).rejects.toMatchObject({
    code: 'render-failed',
    message: 'a: The image could not be made',
    cause: {
      name: 'TypeError',
      message: expect.any(String),
      stack: expect.stringMatching(/imaging.blur\.ts:\d+/),
    },
  })
})

test('ends a render that takes too long; its neighbours and those after it are unharmed', async () => {
  // The first render of a renderer loads its code too.
  const imaging = open({ threads: 2, renderTimeoutMs: 8000 })
  await Promise.all([imaging.render(tiny, THUMBNAIL_RECIPE), imaging.render(tiny, THUMBNAIL_RECIPE)])
  const ended: string[] = []
  const poisoned = imaging.render(large, endless).catch((error) => {
    ended.push('poison')
    return error
  })
  const neighbours = Array.from({ length: 20 }, () =>
    imaging.render(tiny, THUMBNAIL_RECIPE).finally(() => ended.push('neighbour')),
  )
  expect(await Promise.all(neighbours)).toHaveLength(20)
  expect(ended[0]).toBe('neighbour')
  expect(await poisoned).toMatchObject({
    name: 'AppError',
    code: 'render-timeout',
    status: 422,
    retry: false,
  })
  const after = Array.from({ length: 4 }, () => imaging.render(tiny, THUMBNAIL_RECIPE))
  expect(await Promise.all(after)).toHaveLength(4)
})

test('close waits for what runs and turns away what waits and what comes later', async () => {
  const imaging = open({ threads: 1 })
  const running = imaging.render(small, THUMBNAIL_RECIPE)
  const waiting = expect(imaging.render(small, THUMBNAIL_RECIPE)).rejects.toMatchObject({
    code: 'imaging-closed',
    retry: true,
  })
  await imaging.close()
  expect((await running).renditions).toHaveLength(1)
  await waiting
  await expect(imaging.render(small, THUMBNAIL_RECIPE)).rejects.toMatchObject({ code: 'imaging-closed' })
  await imaging.close()
})

test('a closed port that has rendered keeps no process alive', () => {
  const script = `
    const { openImaging } = await import(${JSON.stringify(new URL('../../../lib/imaging/index.ts', import.meta.url).href)})
    const imaging = openImaging({ threads: 2, maxPixels: 1e6, renderTimeoutMs: 60000 })
    const recipe = { renditions: [{ name: 'a', operations: [{ op: 'fit', width: 9, height: 9 }], format: 'jpeg' }] }
    const { renditions } = await imaging.render(Buffer.from('${small.toString('base64')}', 'base64'), recipe)
    await imaging.close()
    console.log(renditions[0].width)`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 60_000,
  })
  expect({ status, stderr: String(stderr), stdout: String(stdout) }).toEqual({
    status: 0,
    stderr: '',
    stdout: '9\n',
  })
})
