import { readdir, readFile } from 'node:fs/promises'

/** A process as /proc shows it; `cpu` in ms, user and system, with that of its children that ended. */
type Process = { pid: number; parent: number; name: string; cpu: number }

/** Kernel clock ticks per second in /proc, the same on every Linux that Node runs on. */
const TICKS = 100

/** Processor time in ms of a process and all that it started, those that ended included. */
export async function cpuOfTree(pid: number): Promise<number> {
  return sumCpu(treeOf(await readProcesses(), pid))
}

/** Processor time in ms of all processes with this name; 0 where this machine runs none. */
export async function cpuOfName(name: string): Promise<number> {
  return sumCpu((await readProcesses()).filter((process) => process.name === name))
}

/**
 * Memory in MB of a process and all that it started: what is resident of each, added up, and the same with the pages
 * that several of them share counted once.
 */
export async function memoryOfTree(pid: number): Promise<{ resident: number; once: number }> {
  const sizes = await Promise.all(
    treeOf(await readProcesses(), pid).map(async (process) => {
      const rollup = await readFile(`/proc/${process.pid}/smaps_rollup`, 'utf8').catch(() => '')
      return { resident: sizeIn(rollup, 'Rss'), once: sizeIn(rollup, 'Pss') }
    }),
  )
  return {
    resident: sizes.reduce((sum, { resident }) => sum + resident, 0),
    once: sizes.reduce((sum, { once }) => sum + once, 0),
  }
}

/** Resident memory in MB of a process alone: now, and the most that it ever was. */
export async function memoryOf(pid: number): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return { now: sizeIn(status, 'VmRSS'), peak: sizeIn(status, 'VmHWM') }
}

/** The size in MB that a line of /proc gives in kB. */
const sizeIn = (text: string, name: string) =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024

const sumCpu = (processes: readonly Process[]) => processes.reduce((sum, { cpu }) => sum + cpu, 0)

function treeOf(processes: readonly Process[], root: number): Process[] {
  const pids = new Set([root])
  for (const pid of pids) for (const process of processes) if (process.parent === pid) pids.add(process.pid)
  return processes.filter(({ pid }) => pids.has(pid))
}

async function readProcesses(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  // One that ends meanwhile is left out.
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return stats.filter(Boolean).map(parseStat)
}

/** Reads `pid (name) state parent …`; a name may hold blanks and brackets. */
function parseStat(stat: string): Process {
  const end = stat.lastIndexOf(')')
  const fields = stat.slice(end + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return {
    pid: Number.parseInt(stat, 10),
    parent: Number(fields[1]),
    name: stat.slice(stat.indexOf('(') + 1, end),
    cpu: (ticks * 1000) / TICKS,
  }
}
