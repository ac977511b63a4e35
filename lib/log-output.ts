import { writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'

/** Bytes of a log that wait in memory for a reader who is slow; what comes then is dropped. */
const MOST_WAITING = 4 * 1024 * 1024

/** Pause before a pipe that was full is tried again, in ms; at the end of the process at most so often. */
const BUSY_MS = 10
const LAST_TRIES = 100

/**
 * Where a log goes, by its file descriptor. A pipe that nobody reads any more or a full disk costs lines, and neither memory
 * nor the process: pino's own output ends it, or sleeps for ever at its end.
 */
export function openOutput(fd: number): DestinationStream {
  let waiting: Buffer[] = []
  let bytes = 0
  let timer: NodeJS.Timeout | undefined

  /** Writes what waits, until the pipe is full. */
  const drain = () => {
    timer = undefined
    while (waiting[0]) {
      const written = tryWrite(fd, waiting[0])
      if (written === undefined) {
        timer = setTimeout(drain, BUSY_MS).unref()
        return
      }
      bytes -= written
      if (written < waiting[0].length) waiting[0] = waiting[0].subarray(written)
      else waiting.shift()
    }
  }
  process.on('exit', () => {
    for (let tries = 0; bytes > 0 && tries < LAST_TRIES; tries++) {
      drain()
      if (bytes > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS)
    }
    waiting = []
  })
  return {
    write(line) {
      const chunk = Buffer.from(line)
      if (bytes + chunk.length > MOST_WAITING) return
      waiting.push(chunk)
      bytes += chunk.length
      if (!timer) drain()
    },
  }
}

/** How many bytes were written, or are lost because nothing can be; undefined where the pipe is full. */
function tryWrite(fd: number, chunk: Buffer): number | undefined {
  try {
    return writeSync(fd, chunk)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? undefined : chunk.length
  }
}
