import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { argumentsOf } from '../../scripts/npm-script.ts'

/** Says when a module of the service is about to be loaded, and takes its time. */
const SLOW = `
  import { writeSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  registerHooks({
    load(url, context, next) {
      if (url.endsWith('/lib/app.ts')) {
        writeSync(1, 'loading')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
      }
      return next(url, context)
    },
  })`

test.for(['SIGTERM', 'SIGINT'] as const)('%s while modules load ends a worker with 0', async (signal) => {
  const child = spawn(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(SLOW)}`, ...argumentsOf('worker')],
    {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const ended = once(child, 'exit')
  expect(String(await once(child.stdout, 'data'))).toBe('loading')
  child.kill(signal)
  expect(await ended).toEqual([0, null])
})
