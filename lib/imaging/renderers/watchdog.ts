import { Worker } from 'node:worker_threads'

/** How long a thing to end for may go unnoticed, in ms. */
const INTERVAL_MS = 100

/** Less than V8 takes by default, in MB: the thread has nothing but its timer. */
const HEAP = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, codeRangeSizeMb: 1 }

/**
 * Ends this process when its parent is gone, or when it takes more memory than was allowed last: from a thread of its own, so
 * that a picture that keeps the main thread busy for ever changes nothing. Returns what allows so many bytes.
 */
export function startWatchdog(parent: number): (bytes: number) => void {
  const allowed = new Float64Array(new SharedArrayBuffer(8)).fill(Number.POSITIVE_INFINITY)
  const workerData = { parent, allowed, interval: INTERVAL_MS }
  new Worker(`(${watch})()`, { eval: true, workerData, env: {}, execArgv: [], resourceLimits: HEAP }).unref()
  return (bytes) => {
    allowed[0] = bytes
  }
}

/** Runs in the thread by its text, which is quicker than a file whose types are taken out: it knows nothing from outside. */
function watch(): void {
  const { workerData } = process.getBuiltinModule('node:worker_threads')
  const { parent, allowed, interval } = workerData as { parent: number; allowed: [number]; interval: number }
  const isGone = () => {
    // Where processes keep the number of a parent that is gone, as on Windows, there is no process of that number.
    if (process.ppid !== parent) return true
    try {
      process.kill(parent, 0)
      return false
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ESRCH'
    }
  }
  setInterval(() => {
    const isTooLarge = process.memoryUsage.rss() > allowed[0]
    if (isTooLarge)
      process
        .getBuiltinModule('node:fs')
        .writeSync(2, 'The renderer is out of memory: more than it may take\n')
    if (isTooLarge || isGone()) process.kill(process.pid, 'SIGKILL')
  }, interval)
}
