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
      if (!info && etag !== undefined) await findDirectory(fileOf(key))
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
        try {
          // On a disk that is full a file can be made, but nothing written.
          await writeFile(file, '.')
        } finally {
          await rm(file, { force: true })
        }
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
    // It fails for the same reason, or another; why nothing was stored is what counts.
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
}

/** Opens a new file. Its directory is made where there is none: seldom, since 256 of them hold all renditions. */
const create = (file: string): Promise<FileHandle> =>
  open(file, 'wx').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    await mkdir(path.dirname(file), { recursive: true }).catch(asReadOnly)
    return open(file, 'wx')
  })

/** Where the disk is read-only, Node says of directories that it was to make that there are none. */
function asReadOnly(error: NodeJS.ErrnoException): never {
  throw error.code === 'ENOENT' ? Object.assign(error, { code: 'EROFS' }) : error
}

async function infoOf(file: string): Promise<ObjectInfo | undefined> {
  const found = await orMissing(stat(file, { bigint: true }))
  if (!found?.isFile()) return undefined
  const etag = `"${found.size.toString(16)}-${found.mtimeNs.toString(16)}-${found.ino.toString(16)}"`
  return { bytes: Number(found.size), etag, modified: found.mtime }
}

/** Throws where the directory of a file that was seen before is gone: a volume that is not mounted is no missing file. */
async function findDirectory(file: string): Promise<void> {
  const found = await orMissing(stat(path.dirname(file)))
  if (!found?.isDirectory())
    throw Object.assign(new Error('The directory of the originals is gone'), { code: 'ENODEV' })
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
