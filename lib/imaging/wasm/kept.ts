import { isLarge, mayKeep, onForgetLarge } from './large.ts'

/**
 * Keeps the instance of a codec that nobody uses, one in a process. One that failed may be broken for good: it is not given
 * back.
 */
export function openKept<T>(memoryOf: (instance: T) => number) {
  let idle: T | undefined
  onForgetLarge(() => {
    if (idle && isLarge(memoryOf(idle))) idle = undefined
  })
  return {
    /** Drops the instance if it has more memory than `most` bytes. */
    take: (most = Number.POSITIVE_INFINITY): T | undefined => {
      const taken = idle && memoryOf(idle) <= most ? idle : undefined
      idle = undefined
      return taken
    },
    giveBack: (instance: T): void => {
      if (mayKeep(memoryOf(instance))) idle = instance
    },
  }
}
