import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { argumentsOf } from '../npm-script.ts'
import { cpuOfTree, memoryOf } from './processes.ts'

export type Environment = Record<string, string>

/** A process of the service that a benchmark watches. */
export type ServiceProcess = {
  pid: number
  /** Where it serves HTTP, if it does. */
  url: string
  /** Resident memory in MB, without that of processes that it started. */
  rss(): Promise<number>
  /** Processor time spent by it and all that it started, user and system, in ms. */
  cpu(): Promise<number>
  stop(): Promise<void>
}

/** Starts a role of the service in a process of its own and waits until it says that it is ready. */
export async function startRole(role: string, env: Environment): Promise<ServiceProcess> {
  const child = spawn(process.execPath, argumentsOf(role === 'all' ? 'start' : role), {
    env: { PATH: process.env.PATH, LOG_LEVEL: 'silent', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.on('exit', () => child.kill('SIGKILL'))
  let url = ''
  for await (const line of createInterface({ input: child.stdout })) {
    url ||= /http:\/\/[\d.:]+/.exec(line)?.[0] ?? ''
    if (/ready|Try:/.test(line)) break
  }
  child.stdout.resume()
  const { pid } = child
  if (pid === undefined) throw new Error(`${role} did not start`)
  return {
    pid,
    url,
    rss: async () => (await memoryOf(pid)).now,
    cpu: () => cpuOfTree(pid),
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}
