import { randomBytes, randomUUID } from 'node:crypto'
import { createReadStream, type Dirent } from 'node:fs'
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import { once } from '../once.ts'
import { checkKey, limitBytes, sourceChanged, tooManyBytes } from './limits.ts'
import { isKey, type ObjectInfo, type Storage } from './port.ts'
import { signPolicy, verifyPolicy } from './upload-policy.ts'

type Directories = { storageDir: string; thumbsDir: string; publicUrl: string }

/** Stores below two local directories: renditions in `thumbsDir`, all else in `storageDir`. */
export function openDirectory({ storageDir, thumbsDir, publicUrl }: Directories): Storage {
  const fileOf = (key: string) => {
    checkKey(key)
    return key.startsWith('thumbs/')
      ? path.join(thumbsDir, key.slice('thumbs/'.length))
      : path.join(storageDir, key)
  }
  const secret = once(() => readSecret(storageDir))
  const head = (key: string) => infoOf(fileOf(key))
  return {
    put: (key, data) => writeDurably(fileOf(key), rename, (handle) => handle.writeFile(data)),
    async putStream(key, source, maxBytes) {
      const file = fileOf(key)
      await writeDurably(file, linkFirst, (handle) => writeFile(handle, limitBytes(source, maxBytes)))
      const info = await infoOf(file)
      if (!info) throw new Error('The stored file is gone')
      return info
    },
    async read(key, maxBytes, etag) {
      const info = await head(key)
      if (!info) return undefined
      if (info.bytes > maxBytes) throw tooManyBytes(maxBytes)
      if (etag !== undefined && etag !== info.etag) throw sourceChanged()
      return orMissing(readFile(fileOf(key)))
    },
    head,
    stream: (key, range) => createReadStream(fileOf(key), range),
    async remove(key) {
      await orMissing(rm(fileOf(key), { force: true }))
    },
    async *list(prefix) {
      for (const [root, base] of [
        [path.join(storageDir, 'originals'), 'originals'],
        [thumbsDir, 'thumbs'],
      ] as const) {
        for (const entry of (await orMissing(readdir(root, { recursive: true, withFileTypes: true }))) ??
          []) {
          const key = keyOf(entry, root, base)
          if (!key.startsWith(prefix) || !isKey(key)) continue
          const info = await head(key)
          if (info) yield { key, ...info }
        }
      }
    },
    async signUpload(key, limits) {
      return { url: `${publicUrl}/uploads`, fields: signPolicy(await secret(), key, limits) }
    },
    signRead: async () => undefined,
    verifyUpload: async (fields) => verifyPolicy(await secret(), fields),
    async check() {
      for (const directory of [storageDir, thumbsDir]) {
        await mkdir(directory, { recursive: true })
        const file = path.join(directory, temporaryName())
        // Not empty: a full disk takes empty files.
        await writeFile(file, '1').finally(() => rm(file, { force: true }))
      }
    },
  }
}

const temporaryName = () => `.${randomUUID()}.part`

/** Temporary name, sync, then the right name: whoever sees the file sees all of it, even after a power cut. */
async function writeDurably(
  file: string,
  publish: (temporary: string, file: string) => Promise<void>,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const temporary = path.join(path.dirname(file), temporaryName())
  try {
    const handle = await create(temporary)
    try {
      await write(handle)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await publish(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Opens a new file. Its directory is made where there is none: seldom, since 256 of them hold all renditions. */
const create = (file: string): Promise<FileHandle> =>
  open(file, 'wx').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    await mkdir(path.dirname(file), { recursive: true })
    return open(file, 'wx')
  })

async function infoOf(file: string): Promise<ObjectInfo | undefined> {
  const found = await orMissing(stat(file, { bigint: true }))
  if (!found?.isFile()) return undefined
  const etag = `"${found.size.toString(16)}-${found.mtimeNs.toString(16)}-${found.ino.toString(16)}"`
  return { bytes: Number(found.size), etag, modified: found.mtime }
}

const keyOf = (entry: Dirent, root: string, base: string) =>
  [base, path.relative(root, entry.parentPath), entry.name].filter(Boolean).join('/')

/** Gives a file its right name unless there is one of that name; of several at once the first stays. */
async function linkFirst(temporary: string, file: string): Promise<void> {
  await link(temporary, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await rm(temporary)
}

/** The key that signs upload forms, shared by all processes on the directory: the first to need it makes it. */
async function readSecret(storageDir: string): Promise<Uint8Array> {
  const file = path.join(storageDir, '.upload-secret')
  const known = await orMissing(readFile(file))
  if (known) return known
  await mkdir(storageDir, { recursive: true })
  const temporary = path.join(storageDir, temporaryName())
  await writeFile(temporary, randomBytes(32), { mode: 0o600, flush: true })
  await linkFirst(temporary, file)
  return readFile(file)
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
