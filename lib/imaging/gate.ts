import { AppError } from '../errors.ts'

/** Lets tasks in, each with the bytes of memory that it takes. */
export type Gate = {
  /** Runs a task once there is room for it, in the order of the calls; one for which there never is runs alone. */
  use<T>(bytes: number, task: () => Promise<T>): Promise<T>
  /** Waits for what runs; what waits is turned away with `imaging-closed`. */
  close(): Promise<void>
}

/** Lets at most `places` tasks run at once, which together take at most `memory` bytes. It counts only: the tasks may run anywhere. */
export function openGate({ places, memory }: { places: number; memory: number }): Gate {
  const waiting: { bytes: number; start: () => void }[] = []
  const running = new Set<Promise<unknown>>()
  let [count, used] = [0, 0]
  let closed = false

  const checkOpen = () => {
    if (closed) throw new AppError('imaging-closed', 'The service is shutting down')
  }

  const fits = (bytes: number) => count === 0 || (count < places && used + bytes <= memory)

  const enter = (bytes: number) => {
    count++
    used += bytes
  }

  /** Only the first may begin: if smaller ones passed it, a large one might wait for ever. */
  const letIn = () => {
    for (let next = waiting[0]; next && fits(next.bytes); next = waiting[0]) {
      waiting.shift()
      enter(next.bytes)
      next.start()
    }
  }

  return {
    use: async <T>(bytes: number, task: () => Promise<T>): Promise<T> => {
      checkOpen()
      // One that exceeds the limit counts as a little more than it: sums of larger numbers would not be exact.
      const share = bytes <= memory ? bytes : memory + 1
      if (waiting.length === 0 && fits(share)) enter(share)
      else await new Promise<void>((start) => waiting.push({ bytes: share, start }))
      try {
        checkOpen()
        const run = task()
        running.add(run)
        return await run.finally(() => running.delete(run))
      } finally {
        count--
        used -= share
        letIn()
      }
    },
    close: async () => {
      closed = true
      for (const { bytes, start } of waiting.splice(0)) {
        enter(bytes)
        start()
      }
      await Promise.allSettled(running)
    },
  }
}
