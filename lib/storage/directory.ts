import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { AppError } from '../errors.ts'
import { isKey, type Storage } from './index.ts'

/** Stores below two local directories: thumbnails in `thumbsDir`, all else in `storageDir`. */
export function openDirectory({ storageDir, thumbsDir }: { storageDir: string; thumbsDir: string }): Storage {
  const fileOf = (key: string) => {
    if (!isKey(key)) throw new AppError('invalid-source', 422, 'This is no key of a stored file')
    return key.startsWith('thumbs/')
      ? path.join(thumbsDir, key.slice('thumbs/'.length))
      : path.join(storageDir, key)
  }
  return {
    async put(key, data) {
      const file = fileOf(key)
      await mkdir(path.dirname(file), { recursive: true })
      await writeDurably(file, data)
    },
    async read(key, maxBytes) {
      const file = fileOf(key)
      const { size } = (await orMissing(stat(file))) ?? { size: 0 }
      if (size > maxBytes)
        throw new AppError('too-many-bytes', 422, `The source has more than ${maxBytes} bytes`)
      return orMissing(readFile(file))
    },
    async head(key) {
      const found = await orMissing(stat(fileOf(key), { bigint: true }))
      if (!found?.isFile()) return undefined
      const etag = `"${found.size.toString(16)}-${found.mtimeNs.toString(16)}-${found.ino.toString(16)}"`
      return { bytes: Number(found.size), etag, modified: found.mtime }
    },
    stream: (key, range) => createReadStream(fileOf(key), range),
    remove: (key) => rm(fileOf(key), { force: true }),
    async check() {
      for (const directory of [storageDir, thumbsDir]) {
        await mkdir(directory, { recursive: true })
        const file = path.join(directory, temporaryName())
        await writeFile(file, '')
        await rm(file)
      }
    },
  }
}

const temporaryName = () => `.${randomUUID()}.part`

/** Temporary name, sync, rename: whoever sees the file sees all of it, even after a power cut. */
async function writeDurably(file: string, data: Uint8Array): Promise<void> {
  const temporary = path.join(path.dirname(file), temporaryName())
  try {
    const handle = await open(temporary, 'wx')
    try {
      await handle.writeFile(data)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** No such file, a file where a directory would be, a name that no file system takes. */
const MISSING = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'])

async function orMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (MISSING.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
