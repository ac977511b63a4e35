import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'

export type Environment = Record<string, string>

/** A process of the service that a benchmark watches. */
export type ServiceProcess = {
  /** Where it serves HTTP, if it does. */
  url: string
  /** Resident memory in MB. */
  rss(): Promise<number>
  /** Processor time spent, user and system, in ms. */
  cpu(): Promise<number>
  stop(): Promise<void>
}

/** Kernel clock ticks per second in /proc, the same on every Linux that Node runs on. */
const TICKS = 100

/** Starts a role of the service in a process of its own and waits until it says that it is ready. */
export async function startRole(role: string, env: Environment): Promise<ServiceProcess> {
  const child = spawn(process.execPath, ['scripts/run.mjs', 'serve/start', role], {
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
  return {
    url,
    async rss() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
    },
    async cpu() {
      const fields = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS
    },
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** Serves one file under every path. */
export async function serve(data: Uint8Array): Promise<{ url: string; close(): void }> {
  const server = http.createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': data.byteLength }).end(data),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() }
}
