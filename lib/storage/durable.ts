import { randomUUID } from 'node:crypto'
import { type FileHandle, link, mkdir, open, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { orMissing, syncDirectory, walk } from './disk.ts'
import type { Unfinished } from './port.ts'
import { gone, PARTS, type Root } from './root.ts'

/** Parts of earlier versions lay beside their files. */
const EARLIER_PART = /^\.[0-9a-f-]{36}\.part$/

/** How a part gets its right name. */
type Publish = (part: string, file: string) => Promise<void>

/** Gives a file its right name, in the place of one of that name. */
export const replace: Publish = rename

/** Gives a file its right name unless there is one of that name; of several at once the first stays. */
export const linkFirst: Publish = async (part, file) => {
  await link(part, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await rm(part)
}

/**
 * Writes a part, syncs it, gives it the right name, and syncs its directory: whoever sees the file sees all of it, and it is
 * there after a power cut.
 */
export async function writeDurably(
  root: Root,
  file: string,
  publish: Publish,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const part = path.join(root.parts, randomUUID())
  await root.ready()
  try {
    const handle = await inRoot(root, () => open(part, 'wx', root.modes.file))
    try {
      await write(handle)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await inDirectory(root, path.dirname(file), () => publish(part, file))
  } catch (error) {
    // It fails for the same reason, or another; why nothing was stored is what counts.
    await rm(part, { force: true }).catch(() => {})
    throw error
  }
  await syncDirectory(path.dirname(file))
}

/** Throws where nothing can be written below a root; leaves no trace. */
export async function checkWritable(root: Root): Promise<void> {
  const part = path.join(root.parts, randomUUID())
  await root.ready()
  try {
    await inRoot(root, () => writeFile(part, '.', { flag: 'wx', flush: true }))
  } finally {
    await rm(part, { force: true })
  }
}

/** Removes a file for good; one that is not there is no error. */
export async function removeDurably(root: Root, file: string): Promise<void> {
  const wasThere = await root.find(() => orMissing(unlink(file).then(() => true)))
  if (wasThere) await syncDirectory(path.dirname(file))
}

/** What writes that did not end have left below a root; `everywhere` looks beyond the place of parts, into every directory. */
export async function* findUnfinished(
  root: Root,
  everywhere: boolean,
  onMove: () => void,
): AsyncGenerator<Unfinished> {
  await root.check()
  const directory = everywhere ? root.directory : root.parts
  for await (const name of walk(directory)) {
    onMove()
    const file = path.join(directory, name)
    const isPart = path.basename(path.dirname(file)) === PARTS || EARLIER_PART.test(path.basename(file))
    const found = isPart ? await orMissing(stat(file)) : undefined
    if (found) yield { key: undefined, modified: found.mtime, remove: () => rm(file, { force: true }) }
  }
}

/** Makes the directory below the root where `work` does not find it: seldom, since 256 of them hold all renditions. */
async function inDirectory<T>(root: Root, directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  return inRoot(root, async () => {
    let made = root.directory
    for (const name of path.relative(made, directory).split(path.sep)) {
      const above = made
      made = path.join(made, name)
      if (await makeOne(made, root.modes.directory)) await syncDirectory(above)
    }
    return work()
  })
}

/** False where it is there already. */
const makeOne = (directory: string, mode: number): Promise<boolean> =>
  mkdir(directory, { mode }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )

/** Does what fails with ENOENT only where the root has gone. */
const inRoot = <T>(root: Root, work: () => Promise<T>): Promise<T> =>
  work().catch((error: NodeJS.ErrnoException) => {
    throw isMissing(error) ? gone(root.directory, error) : error
  })

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT'
