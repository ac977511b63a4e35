import { AppError } from '../errors.ts'

/** Lets at most `count` tasks run at once; the others wait in order. */
export function openSlots(count: number) {
  const waiting: (() => void)[] = []
  const running = new Set<Promise<unknown>>()
  let free = count
  let closed = false

  const checkOpen = () => {
    if (closed) throw new AppError('imaging-closed', 503, 'The service is shutting down', { retry: true })
  }

  return {
    use: async <T>(task: () => Promise<T>): Promise<T> => {
      checkOpen()
      if (free > 0) free--
      else await new Promise<void>((start) => waiting.push(start))
      checkOpen()
      const run = task()
      running.add(run)
      try {
        return await run
      } finally {
        running.delete(run)
        // A slot that is given back goes straight to the one who has waited longest.
        const next = waiting.shift()
        if (next) next()
        else free++
      }
    },
    /** Waits for what runs; what waits is turned away with `imaging-closed`. */
    close: async (): Promise<void> => {
      closed = true
      for (const start of waiting.splice(0)) start()
      await Promise.allSettled(running)
    },
  }
}
