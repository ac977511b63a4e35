import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'
import { THUMBNAIL_RECIPE } from '../../../lib/imaging/recipe.ts'
import { isRunning, renderersOf } from '../../support/processes.ts'
import { until } from '../../support/service.ts'
import { closeAll, expectOneAttemptLost, having, open, PROGRAM, small } from './faulty.ts'

afterEach(closeAll)

test.each(['SIGSEGV', 'SIGTRAP', 'exit'] as const)(
  'a renderer that dies of %s takes one attempt along, and no other render',
  expectOneAttemptLost,
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
