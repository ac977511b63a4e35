import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { DEADLINE_MS } from '../service.ts'

/** How a server program is run; `uid` where it refuses to run as root. */
export type Command = { file: string; args: string[]; env?: NodeJS.ProcessEnv; uid?: number; gid?: number }

/** A server of the test's own, which can die, stop answering, and come back with what it has stored. */
export type OwnServer = {
  url: string
  port: number
  /** Ends it by SIGKILL, as a power cut does. */
  kill(): Promise<void>
  /** Starts it again after `kill` and resolves when it answers. */
  start(): Promise<void>
  /** It keeps its connections and answers nothing. */
  pause(): void
  resume(): void
  close(): Promise<void>
}

/** Runs a server in the foreground, in a process group of its own; `isReady` throws until it answers. */
export async function runServer(
  { url, port }: Pick<OwnServer, 'url' | 'port'>,
  { file, args, ...options }: Command,
  isReady: () => Promise<unknown>,
): Promise<OwnServer> {
  let child: ChildProcess | undefined
  const signal = (name: NodeJS.Signals) => {
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, name)
  }
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    signal('SIGKILL')
    await ended
  }
  const start = async () => {
    const started = spawn(file, args, { ...options, detached: true, stdio: 'ignore' })
    child = started
    const deadline = Date.now() + DEADLINE_MS
    for (;;) {
      const failure = await isReady().then(
        () => undefined,
        (error: Error) => error,
      )
      if (!failure) return
      if (started.exitCode !== null || Date.now() > deadline)
        throw new Error(`${file} does not start: ${failure.message}`)
      await delay(100)
    }
  }
  const endWithThis = () => signal('SIGKILL')
  process.on('exit', endWithThis)
  await start()
  return {
    url,
    port,
    start,
    kill,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async close() {
      await kill()
      process.off('exit', endWithThis)
    },
  }
}

/** As whom to run a server that refuses to run as root; this process's own user where that is not root. */
export function idsOf(user: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
