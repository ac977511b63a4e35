import { chmod, mkdir, stat } from 'node:fs/promises'
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

/** Who may read what lies below a root. */
type Modes = { file: number; directory: number }

/** Nobody but this user. */
export const PRIVATE: Modes = { file: 0o600, directory: 0o700 }

/** Whoever the umask lets: others serve renditions. */
export const SHARED: Modes = { file: 0o666, directory: 0o777 }

/** A directory with all that lies below it, made once: one that has gone since is away, and nothing is made in its place. */
export type Root = {
  readonly directory: string
  readonly parts: string
  readonly modes: Modes
  /** Throws where the root is neither there nor can be made. */
  ready(): Promise<void>
  /** Throws where the root has gone. */
  check(): Promise<void>
  /** What `look` finds; where that is nothing, the root has not gone. */
  find<T>(look: () => Promise<T | undefined>): Promise<T | undefined>
}

/** Makes a root as soon as that can be done; waits for the first try. */
export async function openRoot(directory: string, modes: Modes): Promise<Root> {
  const parts = path.join(directory, PARTS)
  const ready = once(() =>
    make(directory, parts, modes).catch((cause: Error) => Promise.reject(gone(directory, cause))),
  )
  const root: Root = {
    directory,
    parts,
    modes,
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

async function make(root: string, parts: string, { directory: mode }: Modes): Promise<void> {
  // What lies above the root belongs to other roots, too.
  const above = await mkdir(path.dirname(root), { recursive: true })
  const below = await mkdir(parts, { recursive: true, mode })
  // Earlier versions left it open to all. One that is another user's stays as it is, and a write says what else is wrong.
  if (mode === PRIVATE.directory) await chmod(root, mode).catch(() => {})
  const first = above ?? below
  // Each new directory is an entry of the one above it.
  for (let made = parts; first !== undefined && made.length >= first.length; made = path.dirname(made))
    await syncDirectory(path.dirname(made))
}
