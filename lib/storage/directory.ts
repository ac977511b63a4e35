import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { once } from '../once.ts'
import {
  checkWritable,
  findUnfinished,
  linkFirst,
  orMissing,
  PRIVATE,
  removeDurably,
  replace,
  SHARED,
  walk,
  writeDurably,
} from './durable.ts'
import { checkKey, limitBytes, sourceChanged, tooManyBytes } from './limits.ts'
import { isKey, type ObjectInfo, type Storage } from './port.ts'
import { signPolicy, verifyPolicy } from './upload-policy.ts'

type Directories = { storageDir: string; thumbsDir: string; publicUrl: string }

/** Stores below two local directories: renditions in `thumbsDir`, all else in `storageDir`. */
export function openDirectory({ storageDir, thumbsDir, publicUrl }: Directories): Storage {
  const originals = path.join(storageDir, 'originals')
  const rootOf = (key: string) => (key.startsWith('thumbs/') ? thumbsDir : originals)
  const fileOf = (key: string) => {
    checkKey(key)
    return path.join(rootOf(key), key.slice(key.indexOf('/') + 1))
  }
  const modesOf = (key: string) => (key.startsWith('thumbs/') ? SHARED : PRIVATE)
  // Earlier versions left it open to all. One that is another user's stays as it is, and a write says what else is wrong.
  const closeOriginals = once(() => chmod(originals, PRIVATE.directory).catch(() => {}))
  const secret = once(() => readSecret(storageDir))
  const head = (key: string) => infoOf(fileOf(key))
  return {
    put: (key, data) =>
      writeDurably(rootOf(key), fileOf(key), replace, modesOf(key), (handle) => handle.writeFile(data)),
    async putStream(key, source, maxBytes) {
      const file = fileOf(key)
      await closeOriginals()
      await writeDurably(rootOf(key), file, linkFirst, modesOf(key), (handle) =>
        writeFile(handle, limitBytes(source, maxBytes)),
      )
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
    remove: async (key) => removeDurably(fileOf(key)),
    async *list(prefix) {
      for (const [root, base] of [
        [originals, 'originals'],
        [thumbsDir, 'thumbs'],
      ] as const) {
        if (!`${base}/`.startsWith(prefix) && !prefix.startsWith(`${base}/`)) continue
        for await (const file of walk(root)) {
          const key = `${base}/${path.relative(root, file).replaceAll(path.sep, '/')}`
          if (!key.startsWith(prefix) || !isKey(key)) continue
          const info = await head(key)
          if (info) yield { key, ...info }
        }
      }
    },
    async *unfinished(everywhere = false) {
      for (const root of [originals, thumbsDir]) yield* findUnfinished(root, everywhere)
    },
    async signUpload(key, limits) {
      return { url: `${publicUrl}/uploads`, fields: signPolicy(await secret(), key, limits) }
    },
    signRead: async () => undefined,
    verifyUpload: async (fields) => verifyPolicy(await secret(), fields),
    async check() {
      await checkWritable(originals, PRIVATE)
      await checkWritable(thumbsDir, SHARED)
    },
  }
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

/** The key that signs upload forms, shared by all processes on the directory: the first to need it makes it. */
async function readSecret(storageDir: string): Promise<Uint8Array> {
  const file = path.join(storageDir, '.upload-secret')
  const known = await orMissing(readFile(file))
  if (known) return known
  await writeDurably(storageDir, file, linkFirst, { ...SHARED, file: PRIVATE.file }, (handle) =>
    handle.writeFile(randomBytes(32)),
  )
  return readFile(file)
}
