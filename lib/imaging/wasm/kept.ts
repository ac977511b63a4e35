import { KEPT_MEMORY, LARGE_KEPT_MS } from './module.ts'

/**
 * Keeps the instance of a codec that nobody uses, one in a thread. Memory never shrinks, so a large one is kept for as long
 * as pictures follow closely; that of one that is dropped is free only after a collection, and two large ones would be
 * there at once. One that failed may be broken for good: it is not given back.
 */
export function openKept<T>(memoryBytes: (instance: T) => number) {
  let idle: T | undefined
  let forgetting: NodeJS.Timeout | undefined
  const forget = () => {
    idle = undefined
  }
  return {
    /** Drops the instance if it has more memory than `most` bytes. */
    take: (most = Number.POSITIVE_INFINITY): T | undefined => {
      clearTimeout(forgetting)
      const taken = idle && memoryBytes(idle) <= most ? idle : undefined
      forget()
      return taken
    },
    giveBack: (instance: T): void => {
      idle = instance
      if (memoryBytes(instance) > KEPT_MEMORY) forgetting = setTimeout(forget, LARGE_KEPT_MS).unref()
    },
  }
}
