import { spawn } from 'node:child_process'

/** The renderers of a process. */
export async function renderersOf(parent: number): Promise<number[]> {
  const lines = (await readOutput('ps', '-eo', 'ppid=,pid=,args=')).split('\n')
  return lines
    .filter((line) => line.trim().startsWith(`${parent} `) && line.includes('renderer'))
    .map((line) => Number(line.trim().split(/\s+/)[1]))
}

/** Not of a process that has ended and that nobody waited for. */
export const isRunning = async (pid: number): Promise<boolean> =>
  /^[^Z]/.test((await readOutput('ps', '-o', 'stat=', '-p', `${pid}`)).trim())

/** What a program prints. */
export async function readOutput(command: string, ...args: string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return Buffer.concat(await Array.fromAsync(child.stdout)).toString()
}
