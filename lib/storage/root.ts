import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { lateError } from '../away.ts'
import { withDeadline } from '../deadline.ts'
import { once } from '../once.ts'
import { orMissing, syncDirectory } from './disk.ts'

/**
 * Below each root, where files lie until they are complete: on the file system of their place, and found without a look
 * into any other directory. It is made with the root: without it the root has gone, or is the place of a volume that is not mounted.
 */
export const PARTS = '.parts'

/** Longest wait at the start for a file system that hangs, in ms. */
const OPEN_MS = 2_000

/** A directory with all that lies below it, made once: one that has gone since is away, and nothing is made in its place. */
export type Root = {
  readonly directory: string
  readonly parts: string
  /** Throws where the root is neither there nor can be made. */
  ready(): Promise<void>
  /** Throws where the root has gone. */
  check(): Promise<void>
  /** What `look` finds; where that is nothing, the root has not gone. */
  find<T>(look: () => Promise<T | undefined>): Promise<T | undefined>
}

/** Makes a root as soon as that can be done; waits for the first try. */
export async function openRoot(directory: string): Promise<Root> {
  const parts = path.join(directory, PARTS)
  const ready = once(() => make(parts).catch((cause: Error) => Promise.reject(gone(directory, cause))))
  const root: Root = {
    directory,
    parts,
    ready,
    async check() {
      await ready()
      const found = await orMissing(stat(parts))
      if (!found?.isDirectory()) throw gone(directory)
    },
    async find(look) {
      const found = await look()
      if (found !== undefined) return found
      await root.check()
      // It may have come back in between.
      return look()
    },
  }
  // What does not go now is tried again by the first that needs it.
  await withDeadline(OPEN_MS, ready(), () => lateError(OPEN_MS, 'storage-unavailable')).catch(() => {})
  return root
}

/** The error of a root that cannot be used; its code says that the storage is away. */
export const gone = (directory: string, cause?: Error) =>
  Object.assign(new Error(`The directory ${directory} is gone, or cannot be made`, { cause }), {
    code: 'ENODEV',
  })

async function make(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true })
  // Each new directory is an entry of the one above it.
  for (let made = directory; first !== undefined && made.length >= first.length; made = path.dirname(made))
    await syncDirectory(path.dirname(made))
}
