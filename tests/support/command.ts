import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Environment } from './app.ts'

/** Runs `npm run NAME -- ARGS` to its end, without npm. */
export async function runCommand(name: string, args: readonly string[], env: Environment) {
  const child = spawn(process.execPath, ['scripts/run.mjs', name, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, error, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, out, error }
}
