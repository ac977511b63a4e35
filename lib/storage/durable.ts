import { randomUUID } from 'node:crypto'
import type { Dirent } from 'node:fs'
import {
  type FileHandle,
  link,
  mkdir,
  open,
  opendir,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import type { Unfinished } from './port.ts'

/**
 * Below each root, where files lie until they are complete: on the file system of their place, and found without a look
 * into any other directory.
 */
const PARTS = '.parts'

/** Parts of earlier versions lay beside their files. */
const EARLIER_PART = /^\.[0-9a-f-]{36}\.part$/

/** Who may read what is written: a file, and the directories that are made for it. */
type Modes = { file: number; directory: number }

/** Nobody but this user. */
export const PRIVATE: Modes = { file: 0o600, directory: 0o700 }

/** Whoever the umask lets: others serve renditions. */
export const SHARED: Modes = { file: 0o666, directory: 0o777 }

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
  root: string,
  file: string,
  publish: Publish,
  modes: Modes,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const part = path.join(root, PARTS, randomUUID())
  const directory = path.dirname(file)
  try {
    const handle = await inDirectory(root, path.dirname(part), modes, () => open(part, 'wx', modes.file))
    try {
      await write(handle)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await inDirectory(root, directory, modes, () => publish(part, file))
  } catch (error) {
    // It fails for the same reason, or another; why nothing was stored is what counts.
    await rm(part, { force: true }).catch(() => {})
    throw error
  }
  await syncDirectory(directory)
}

/** Throws where nothing can be written below a root; leaves no trace. */
export async function checkWritable(root: string, modes: Modes): Promise<void> {
  const part = path.join(root, PARTS, randomUUID())
  try {
    await inDirectory(root, path.dirname(part), modes, () =>
      writeFile(part, '.', { flag: 'wx', flush: true }),
    )
  } finally {
    await rm(part, { force: true })
  }
}

/** Removes a file for good; one that is not there is no error. */
export async function removeDurably(file: string): Promise<void> {
  if (await orMissing(unlink(file).then(() => true))) await syncDirectory(path.dirname(file))
}

/** What writes that did not end have left below a root; `everywhere` looks beyond the place of parts, into every directory. */
export async function* findUnfinished(root: string, everywhere: boolean): AsyncGenerator<Unfinished> {
  for await (const file of walk(everywhere ? root : path.join(root, PARTS))) {
    const isPart = path.basename(path.dirname(file)) === PARTS || EARLIER_PART.test(path.basename(file))
    const found = isPart ? await orMissing(stat(file)) : undefined
    if (found) yield { key: undefined, modified: found.mtime, remove: () => rm(file, { force: true }) }
  }
}

/** Every file below a directory, in no order; none where there is no such directory. */
export async function* walk(directory: string): AsyncGenerator<string> {
  const opened = await orMissing(opendir(directory))
  if (!opened) return
  const below: Dirent[] = []
  for await (const entry of opened) {
    if (entry.isDirectory()) below.push(entry)
    else yield path.join(directory, entry.name)
  }
  for (const { name } of below) yield* walk(path.join(directory, name))
}

/** Makes the directory where `work` does not find it: seldom, since 256 of them hold all renditions. */
async function inDirectory<T>(
  root: string,
  directory: string,
  { directory: mode }: Modes,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // What lies above the root belongs to other roots, too.
  const above = await mkdir(path.dirname(root), { recursive: true }).catch(asReadOnly)
  const below = await mkdir(directory, { recursive: true, mode }).catch(asReadOnly)
  const first = above ?? below
  // Each new directory is an entry of the one above it.
  for (let made = directory; first !== undefined && made.length >= first.length; made = path.dirname(made))
    await syncDirectory(path.dirname(made))
  return work()
}

/** Where the disk is read-only, Node says of directories that it was to make that there are none. */
function asReadOnly(error: NodeJS.ErrnoException): never {
  throw error.code === 'ENOENT' ? Object.assign(error, { code: 'EROFS' }) : error
}

/** What some network file systems answer, on which directories need no sync. */
const NO_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EISDIR'])

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } catch (error) {
    if (!NO_SYNC.has((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    await handle.close()
  }
}

/** No such file, a file where a directory would be, a name that no file system takes. */
const MISSING = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'])

export async function orMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (MISSING.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
