import { fork } from 'node:child_process'
import { once } from 'node:events'

/** A server of sources; `next` gives so many URLs that it has not given before. */
export type Source = { next(count: number): string[]; stop(): void }

/** Serves one JPEG under every path, in a process of its own, so that serving it is nobody's processor time. */
export async function startSource(data: Uint8Array): Promise<Source> {
  const child = fork(new URL('./source-server.ts', import.meta.url), { serialization: 'advanced' })
  child.send(data)
  const [port] = await once(child, 'message')
  let given = 0
  return {
    next: (count) => Array.from({ length: count }, () => `http://127.0.0.1:${port}/${given++}.jpg`),
    stop: () => void child.kill(),
  }
}
