import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { RenderAnswer, RenderTask, SpooledAnswer } from './answer.ts'
import { openSpool, type Spool } from './spool.ts'

/** A process that renders one source at a time. */
export type Renderer = {
  /** Rejects with a `Death`. The source may be used for something else afterwards, whatever came of it. */
  render(source: Uint8Array, task: RenderTask, timeoutMs: number): Promise<RenderAnswer>
  isAlive(): boolean
  /** Calls back when the process has ended without being told to. */
  onDeath(heed: (reason: Reason) => void): void
  /** Ends the process, and whatever it does. */
  end(): Promise<void>
}

/** Why a renderer ended: it did not come up, took too much time or memory, ended by itself, or by a signal. */
export type Reason = 'start' | 'timeout' | 'memory' | 'exit' | NodeJS.Signals

export type Death = Error & { reason: Reason }

export const isDeath = (error: unknown): error is Death => error instanceof Error && 'reason' in error

/** V8's heap in MB; what a picture takes does not lie there (`tests/lib/imaging/memory.long.test.ts` has 48). */
const HEAP_MB = 128

/** Not those of the service: a debugger's port, a loader or a heap of gigabytes is nothing for a renderer. */
const EXEC_ARGV = [`--max-old-space-size=${HEAP_MB}`]

/** What a renderer gets of the environment: how programs are found, linked and compiled. Secrets stay out of reach of pictures. */
const ENVIRONMENT = ['PATH', 'LD_LIBRARY_PATH', 'LD_PRELOAD', 'SystemRoot', 'NODE_COMPILE_CACHE']

/** For a process to come up on a busy machine, in ms: it takes some 100. */
const START_TIMEOUT_MS = 30_000

/** Of what a renderer prints, as much as says why it died. */
const MOST_WORDS = 4096

/** Starts a renderer; throws where it does not come up. */
export async function startRenderer(program: URL): Promise<Renderer> {
  const spool = await openSpool()
  let watched: Watched | undefined
  try {
    watched = watch(spawn(program, spool))
    await watched.next(START_TIMEOUT_MS)
    return over(watched, spool)
  } catch (error) {
    await watched?.kill()
    await spool.close()
    throw error
  }
}

const spawn = (program: URL, { path }: Spool): ChildProcess =>
  fork(fileURLToPath(program), [path, `${process.pid}`], {
    execArgv: EXEC_ARGV,
    env: Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]])),
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })

type Watched = {
  send(task: RenderTask): void
  /** The next message; rejects when the process ends before it, which it is made to after `timeoutMs`. */
  next(timeoutMs: number): Promise<unknown>
  isAlive(): boolean
  onDeath(heed: (reason: Reason) => void): void
  kill(): Promise<void>
}

function watch(child: ChildProcess): Watched {
  let words = ''
  let killedFor: 'timeout' | 'end' | undefined
  let death: Death | undefined
  let heed: (reason: Reason) => void = () => {}
  // One at a time: a race with a promise of the death would keep what every picture adds to it.
  let waiting: { resolve(message: unknown): void; reject(death: Death): void } | undefined
  const take = () => {
    const taken = waiting
    waiting = undefined
    return taken
  }
  const ended = Promise.withResolvers<void>()
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-MOST_WORDS)
  })
  child.on('message', (message) => take()?.resolve(message))
  const die = (how: string, reason: Reason) => {
    if (death) return
    death = Object.assign(new Error(`The renderer ended: ${how}. ${words}`.trim()), { reason })
    take()?.reject(death)
    if (killedFor !== 'end') heed(reason)
    ended.resolve()
  }
  child.on('error', (error) => {
    if (child.pid === undefined) die(error.message, 'start')
  })
  // After `exit` words and messages may still come.
  child.on('close', (code, signal) => {
    const isHungry = /out of memory/i.test(words)
    const reason = killedFor === 'timeout' ? killedFor : isHungry ? 'memory' : (signal ?? 'exit')
    die(signal ?? `exit code ${code}`, reason)
  })
  return {
    // What cannot be sent any more, its death answers.
    send: (task) => void child.send(task, () => {}),
    async next(timeoutMs) {
      if (death) throw death
      const next = Promise.withResolvers<unknown>()
      waiting = next
      const timer = setTimeout(() => {
        killedFor ??= 'timeout'
        child.kill('SIGKILL')
      }, timeoutMs)
      return next.promise.finally(() => clearTimeout(timer))
    },
    isAlive: () => !death && !killedFor,
    onDeath(callback) {
      heed = callback
    },
    async kill() {
      killedFor ??= 'end'
      child.kill('SIGKILL')
      await ended.promise
    },
  }
}

const over = (watched: Watched, spool: Spool): Renderer => ({
  async render(source, task, timeoutMs) {
    await spool.write(source)
    watched.send(task)
    return readAnswer((await watched.next(timeoutMs)) as SpooledAnswer, spool)
  },
  isAlive: watched.isAlive,
  onDeath: watched.onDeath,
  async end() {
    await watched.kill()
    await spool.close()
  },
})

async function readAnswer(answer: SpooledAnswer, spool: Spool): Promise<RenderAnswer> {
  if (!('rendered' in answer)) return answer
  const renditions = await Promise.all(
    answer.rendered.renditions.map(async ({ start, bytes, ...image }) => ({
      ...image,
      data: await spool.read(start, bytes),
    })),
  )
  return { rendered: { ...answer.rendered, renditions } }
}
