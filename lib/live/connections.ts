import type { Caller } from '../access/caller.ts'
import { AppError } from '../errors.ts'

/** Sockets and event streams that a key, or one of its tokens or sessions, may have open in a process. */
export const MAX_CONNECTIONS = 16

/** Counts what credentials have open; whoever needs none is not counted. */
export type Connections = {
  /** Takes one more place; returns how to give it back, once. Throws `too-many-sockets`. */
  enter(caller: Caller): () => void
}

export function openConnections(most = MAX_CONNECTIONS): Connections {
  const open = new Map<string, number>()
  return {
    enter({ credential }) {
      if (credential === undefined) return () => {}
      const before = open.get(credential) ?? 0
      if (before >= most)
        throw new AppError('too-many-sockets', `The credential has ${most} sockets and event streams open`)
      open.set(credential, before + 1)
      let isIn = true
      return () => {
        if (!isIn) return
        isIn = false
        const left = (open.get(credential) ?? 1) - 1
        if (left > 0) open.set(credential, left)
        else open.delete(credential)
      }
    },
  }
}
