import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'
import { type Imaging, type ImagingOptions, openImaging } from '../../../lib/imaging/index.ts'
import { readSource } from '../../../lib/imaging/probe.ts'
import { type Recipe, THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import { openRenderers } from '../../../lib/imaging/renderers/pool.ts'
import type { Reason } from '../../../lib/imaging/renderers/start.ts'
import * as images from '../../support/images.ts'
import { isRunning, readOutput, renderersOf } from '../../support/processes.ts'
import { until } from '../../support/service.ts'
import type { Fault } from './faults.ts'

const small = await images.jpeg(images.sample(480, 320))

const PROGRAM = new URL('./faulty-renderer.ts', import.meta.url)

/** The recipe that has the faulty renderer do so. */
const having = (fault: Fault): Recipe => ({
  renditions: [{ name: fault, operations: [{ op: 'fit', width: 400, height: 400 }], format: 'jpeg' }],
})

const opened: Imaging[] = []

function open(options: Partial<ImagingOptions> = {}) {
  const deaths: Reason[] = []
  const imaging = openImaging({
    threads: 1,
    maxPixels: 50_000_000,
    renderTimeoutMs: 60_000,
    program: PROGRAM,
    onDeath: (reason) => deaths.push(reason),
    ...options,
  })
  opened.push(imaging)
  return { imaging, deaths }
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((imaging) => imaging.close()))
})

test.each(['SIGKILL', 'SIGSEGV', 'SIGTRAP', 'exit'] as const)(
  'a renderer that dies of %s takes one attempt along, and no other render',
  async (fault) => {
    const { imaging, deaths } = open({ threads: 2 })
    const neighbours = [1, 2, 3].map(() => imaging.render(small, THUMBNAIL_RECIPE))
    await expect(imaging.render(small, having(fault))).rejects.toMatchObject({
      name: 'AppError',
      code: 'render-crashed',
      status: 500,
      retry: true,
      mostAttempts: undefined,
    })
    expect(await Promise.all(neighbours)).toHaveLength(3)
    expect((await imaging.render(small, THUMBNAIL_RECIPE)).renditions).toHaveLength(1)
    expect(deaths).toEqual([fault])
  },
)

test.each(['heap', 'memory'] as const)(
  'a renderer that runs out of memory (%s) leaves the photo one more attempt, and harms no other',
  async (fault) => {
    const { imaging, deaths } = open({ threads: 2 })
    const neighbours = [1, 2, 3].map(() => imaging.render(small, THUMBNAIL_RECIPE))
    await expect(imaging.render(small, having(fault))).rejects.toMatchObject({
      code: 'render-crashed',
      retry: true,
      mostAttempts: 2,
      cause: { message: expect.stringMatching(/out of memory/) },
    })
    expect(await Promise.all(neighbours)).toHaveLength(3)
    expect(deaths).toEqual(['memory'])
  },
)

test('a renderer that hangs is ended at the timeout, and replaced', async () => {
  const { imaging, deaths } = open({ renderTimeoutMs: 8000 })
  await expect(imaging.render(small, having('hang'))).rejects.toMatchObject({
    code: 'render-timeout',
    retry: false,
  })
  expect((await imaging.render(small, THUMBNAIL_RECIPE)).renditions).toHaveLength(1)
  expect(deaths).toEqual(['timeout'])
})

test('the wait for a renderer does not count as rendering', async () => {
  const { imaging } = open({ renderTimeoutMs: 6000 })
  // Each takes a second: the last begins when the timeout of the first would have passed.
  const renders = Array.from({ length: 8 }, () => imaging.render(small, having('slow')))
  expect(await Promise.all(renders)).toHaveLength(8)
})

test('where no renderer can be started, that is what is wrong, and the next is not started at once', async () => {
  const { imaging, deaths } = open({ threads: 2, program: new URL('./missing.ts', import.meta.url) })
  const broken = {
    code: 'imaging-broken',
    status: 503,
    retry: true,
    mostAttempts: Number.POSITIVE_INFINITY,
    message: 'The service cannot make images: no renderer can be started',
    cause: { message: expect.stringMatching(/Cannot find module/) },
  }
  for (let i = 0; i < 3; i++)
    await expect(imaging.render(small, THUMBNAIL_RECIPE)).rejects.toMatchObject(broken)
  expect(deaths).toEqual(['start', 'start', 'start'])
  // The next would be started seconds later: closing does not wait for that.
  const waiting = expect(imaging.render(small, THUMBNAIL_RECIPE)).rejects.toMatchObject({
    code: 'imaging-closed',
  })
  await imaging.close()
  await waiting
  expect(deaths).toHaveLength(3)
})

test('a renderer that is killed while it starts is replaced at once', async () => {
  const { imaging, deaths } = open()
  const rendering = imaging.render(small, THUMBNAIL_RECIPE)
  await until(async () => (await renderersOf(process.pid)).length > 0)
  for (const renderer of await renderersOf(process.pid)) process.kill(renderer, 'SIGKILL')
  expect((await rendering).renditions).toHaveLength(1)
  expect(deaths).toEqual(['SIGKILL'])
})

test('a signal to all processes of the service ends no render', async () => {
  const { imaging, deaths } = open()
  await imaging.render(small, having('slow'))
  const [renderer = 0] = await renderersOf(process.pid)
  const rendering = imaging.render(small, having('slow'))
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(renderer, signal)
  expect((await rendering).renditions).toHaveLength(1)
  expect(deaths).toEqual([])
})

test('a renderer knows no secrets of the service, and leaves nothing on the disk', async () => {
  const { imaging } = open()
  process.env.TMPDIR = await mkdtemp(path.join(tmpdir(), 'photo-test-'))
  process.env.SECRET_OF_THE_SERVICE = 'hidden'
  await imaging.render(small, THUMBNAIL_RECIPE)
  delete process.env.SECRET_OF_THE_SERVICE
  const [renderer] = await renderersOf(process.pid)
  const environment = await readOutput('ps', 'eww', '-o', 'args=', '-p', `${renderer}`)
  expect(environment).toContain('PATH=')
  expect(environment).not.toContain('SECRET')
  expect(await readdir(process.env.TMPDIR)).toEqual([])
  await rm(process.env.TMPDIR, { recursive: true })
  delete process.env.TMPDIR
})

test('a renderer that has nothing to do is ended, and started again for the next picture', async () => {
  const deaths: Reason[] = []
  const pool = openRenderers({
    program: PROGRAM,
    timeoutMs: 60_000,
    onDeath: (reason) => deaths.push(reason),
    signal: new AbortController().signal,
    idleMs: 200,
  })
  const probed = readSource(small, 1e6)
  const task = { recipe: THUMBNAIL_RECIPE, options: { maxPixels: 1e6 }, probed, memory: 1e9 }
  for (let i = 0; i < 2; i++) {
    expect(await pool.render(small, task)).toHaveProperty('rendered')
    await until(async () => (await renderersOf(process.pid)).length === 0)
  }
  expect(deaths).toEqual([])
  await pool.close()
})

test('renderers end with a service that is killed, whatever they do, and leave nothing on the disk', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'killed-'))
  const script = `
    const { openImaging } = await import(${JSON.stringify(new URL('../../../lib/imaging/index.ts', import.meta.url).href)})
    const imaging = openImaging({ threads: 2, maxPixels: 1e6, renderTimeoutMs: 600_000, program: new URL('${PROGRAM}') })
    const source = Buffer.from('${small.toString('base64')}', 'base64')
    await Promise.all([1, 2].map(() => imaging.render(source, ${JSON.stringify(THUMBNAIL_RECIPE)})))
    console.log('ready')
    imaging.render(source, ${JSON.stringify(having('hang'))})`
  const service = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: directory },
  })
  await once(createInterface(service.stdout), 'line')
  const renderers = await renderersOf(service.pid ?? 0)
  expect(renderers).toHaveLength(2)
  service.kill('SIGKILL')
  await until(async () => !(await Promise.all(renderers.map(isRunning))).includes(true))
  expect(await readdir(directory)).toEqual([])
  await rm(directory, { recursive: true })
})
