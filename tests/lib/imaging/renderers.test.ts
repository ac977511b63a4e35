import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { readSource } from '../../../lib/imaging/probe.ts'
import { THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import { openRenderers } from '../../../lib/imaging/renderers/pool.ts'
import type { Reason } from '../../../lib/imaging/renderers/start.ts'
import { readOutput, renderersOf } from '../../support/processes.ts'
import { until } from '../../support/service.ts'
import { closeAll, expectOneAttemptLost, having, open, PROGRAM, small } from './faulty.ts'

afterEach(closeAll)

test('a renderer that dies of SIGKILL takes one attempt along, and no other render', () =>
  expectOneAttemptLost('SIGKILL'))

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
