import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const HOLD = `
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(process.argv[1], { timeout: 30_000 })
  database.exec('begin exclusive')
  console.log('locked')
  setInterval(() => {}, 1_000)`

/** Holds the lock of an SQLite file in another process until `release` is called. */
export async function holdLock(file: string): Promise<{ release(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', HOLD, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  return {
    async release() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Runs `use` with the path of a file in a directory of its own. */
export async function withFile<T>(use: (file: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sqlite-'))
  try {
    return await use(path.join(directory, 'photos.db'))
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}

/** The longest time in ms for which the event loop stood still while `work` ran, and how long that was. */
export async function longestStop(work: () => Promise<unknown>): Promise<{ stopMs: number; ms: number }> {
  const delays = monitorEventLoopDelay({ resolution: 5 })
  delays.enable()
  const start = performance.now()
  await work()
  const ms = performance.now() - start
  // What stood still until now is seen at the next turn only.
  await new Promise((resolve) => setTimeout(resolve, 20))
  delays.disable()
  return { stopMs: delays.max / 1e6, ms }
}
