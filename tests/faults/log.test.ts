import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { DEADLINE_MS } from '../support/service.ts'

const CHILD = fileURLToPath(new URL('./log-child.ts', import.meta.url))

/** A device that every write to answers with ENOSPC. */
const FULL = '/dev/full'

/** What a process says on standard error that logs to a file descriptor, and how it ends. */
async function logTo(output: number | 'pipe', act: (child: ReturnType<typeof spawn>) => void = () => {}) {
  const child = spawn(process.execPath, [CHILD], {
    stdio: ['ignore', output, 'pipe'],
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  })
  act(child)
  if (!child.stderr) throw new Error('no standard error')
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return { said: said.trim(), code }
}

test.skipIf(!existsSync(FULL))('a process goes on whose log is on a full disk', async () => {
  const full = openSync(FULL, 'w')
  try {
    expect(await logTo(full)).toEqual({ said: 'alive', code: 0 })
  } finally {
    closeSync(full)
  }
})

test('a process goes on whose log nobody reads any more', async () => {
  expect(await logTo('pipe', (child) => child.stdout?.destroy())).toEqual({ said: 'alive', code: 0 })
})
