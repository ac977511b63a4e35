import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { contenders, programs, type Task } from './contenders.ts'

/** A contender in a process of its own: what one costs, none of the others pays. */
export type Runner = {
  name: string
  can(task: Task, file: string): boolean
  /** Does a task on a file once; what the numbers are is said in `runner.ts`. Undefined if it failed. */
  run(task: Task | `rate:${string}`, file: string): Promise<[number, number, number] | undefined>
  stop(): void
}

/** Starts one contender of `contenders` for so many images at a time; 0 threads is in the caller's. */
export const startContender = (name: string, threads = 0): Promise<Runner> =>
  start(
    name,
    [process.execPath, new URL('./runner.ts', import.meta.url).pathname, name, String(threads)],
    () => true,
  )

/** Starts all contenders, and the programs that this machine has. */
export async function startAll(): Promise<Runner[]> {
  const found = Object.entries(programs).filter(([, { needs }]) => hasProgram(needs))
  return Promise.all([
    ...Object.keys(contenders).map((name) => startContender(name)),
    ...found.map(([name, { command, can }]) => start(name, command, can)),
  ])
}

function hasProgram([command = '', ...args]: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

async function start(name: string, [command = '', ...args]: string[], can: Runner['can']): Promise<Runner> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const kill = () => void child.kill('SIGKILL')
  process.on('exit', kill)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const read = async () => {
    const { value, done } = await lines.next()
    return done ? undefined : (value as string)
  }
  if ((await read())?.startsWith('ready') !== true) throw new Error(`${name} does not start`)
  return {
    name,
    can,
    async run(task, file) {
      if (child.exitCode !== null) return undefined
      child.stdin.write(`${task} ${file}\n`)
      const answer = (await read())?.split(' ').map(Number)
      return answer?.length === 3 ? (answer as [number, number, number]) : undefined
    },
    stop() {
      process.off('exit', kill)
      kill()
    },
  }
}
