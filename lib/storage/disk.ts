import { open, opendir } from 'node:fs/promises'
import path from 'node:path'

/** Every file below a directory, in the order of the paths below it, from behind `after`; none where there is no such directory. */
export async function* walk(directory: string, after = '', base = ''): AsyncGenerator<string> {
  const opened = await orMissing(opendir(path.join(directory, base)))
  if (!opened) return
  // With its slash a directory has the place of what lies in it.
  const names: string[] = []
  for await (const entry of opened) {
    const name = `${base}${entry.name}${entry.isDirectory() ? '/' : ''}`
    if (name > after || (entry.isDirectory() && after.startsWith(name))) names.push(name)
  }
  for (const name of names.sort()) {
    if (name.endsWith('/')) yield* walk(directory, after, name)
    else yield name
  }
}

/** What some network file systems answer, on which directories need no sync. */
const NO_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EISDIR'])

/** Has a directory keep its entries past a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
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

/** What a call brings; undefined where there is no such file. */
export async function orMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (MISSING.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
