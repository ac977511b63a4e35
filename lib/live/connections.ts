import type { Caller } from '../access/caller.ts'
import { openCounts } from '../counts.ts'
import { AppError } from '../errors.ts'

/** Sockets, event streams and waits for photos that a key, or one of its tokens or sessions, may have open in a process. */
export const MAX_CONNECTIONS = 16

/** Counts what credentials have open; whoever needs none is not counted. */
export type Connections = {
  /** Takes one more place; returns how to give it back, once. Throws `too-many-sockets`. */
  enter(caller: Caller): () => void
}

export function openConnections(most = MAX_CONNECTIONS): Connections {
  const open = openCounts()
  return {
    enter({ credential }) {
      if (credential === undefined) return () => {}
      let leave = () => {
        leave = () => {}
        open.remove(credential)
      }
      if (open.add(credential) > most) {
        leave()
        throw new AppError(
          'too-many-sockets',
          `The credential has ${most} sockets, event streams and waits open`,
        )
      }
      return () => leave()
    },
  }
}
