import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { argumentsOf } from '../../scripts/npm-script.ts'
import { SETUPS, withEnvironment } from '../support/app.ts'
import { runCommand } from '../support/command.ts'

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

test('a port that another program uses ends the service, which says what to set', () =>
  withEnvironment(SETUPS[0], async (env) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const ended = await runCommand('serve/start', ['all'], { ...env, PORT: String(port) })
    other.close()
    expect(ended).toMatchObject({ code: 1, error: expect.stringContaining('; set PORT to another port') })
  }))
