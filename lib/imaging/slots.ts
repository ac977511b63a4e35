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
  const take = async () => {
    checkOpen()
    // A slot that is given back goes straight to the one who has waited longest.
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const giveBack = () => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }

  return {
    use: async <T>(task: () => Promise<T>): Promise<T> => {
      await take()
      let run: Promise<T> | undefined
      try {
        checkOpen()
        run = task()
        running.add(run)
        return await run
      } finally {
        if (run) running.delete(run)
        giveBack()
      }
    },
    /** Waits for what runs; what waits is turned away with `imaging-closed`. */
    close: async (): Promise<void> => {
      closed = true
      await Promise.allSettled(running)
    },
  }
}
