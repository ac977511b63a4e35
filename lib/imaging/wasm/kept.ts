import { KEPT_MEMORY, LARGE_KEPT_MS, LARGE_MEMORY } from './module.ts'

/**
 * Keeps the instance of a codec that nobody uses, one in a thread: a new one costs milliseconds. Memory never shrinks, so a
 * large one is kept for as long as pictures follow closely. One that failed is broken for good: it is not given back.
 */
export function openKept<T>(memoryBytes: (instance: T) => number) {
  let idle: T | undefined
  let forgetting: NodeJS.Timeout | undefined
  const forget = () => {
    idle = undefined
  }
  return {
    take: (): T | undefined => {
      clearTimeout(forgetting)
      const taken = idle
      forget()
      return taken
    },
    giveBack: (instance: T): void => {
      const bytes = memoryBytes(instance)
      if (bytes > LARGE_MEMORY) return
      idle = instance
      if (bytes > KEPT_MEMORY) forgetting = setTimeout(forget, LARGE_KEPT_MS).unref()
    },
  }
}
