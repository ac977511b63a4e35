import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { once } from '../once.ts'
import { orMissing, walk } from './disk.ts'
import { checkWritable, findUnfinished, linkFirst, removeDurably, replace, writeDurably } from './durable.ts'
import { checkKey, limitBytes, sourceChanged, tooManyBytes } from './limits.ts'
import { isKey, type ObjectInfo, OWNER, type Storage } from './port.ts'
import { openRoot, PRIVATE, type Root, SHARED } from './root.ts'
import { signPolicy, verifyPolicy } from './upload-policy.ts'

type Directories = { storageDir: string; thumbsDir: string; publicUrl: string }

/** Stores below two local directories: renditions in `thumbsDir`, all else in `storageDir`. */
export async function openDirectory({ storageDir, thumbsDir, publicUrl }: Directories): Promise<Storage> {
  const own = await openRoot(storageDir, { ...SHARED, file: PRIVATE.file })
  const originals = await openRoot(path.join(storageDir, 'originals'), PRIVATE)
  const thumbs = await openRoot(thumbsDir, SHARED)
  const roots = { originals, thumbs }
  const rootOf = (key: string) => (key.startsWith('thumbs/') ? thumbs : originals)
  const fileOf = (key: string) => {
    checkKey(key)
    return path.join(rootOf(key).directory, key.slice(key.indexOf('/') + 1))
  }
  const secret = once(() => readSecret(own))
  const head = async (key: string) => {
    const file = fileOf(key)
    return rootOf(key).find(() => infoOf(file))
  }
  return {
    put: (key, data) => writeDurably(rootOf(key), fileOf(key), replace, (handle) => handle.writeFile(data)),
    async putStream(key, source, maxBytes) {
      const file = fileOf(key)
      await writeDurably(rootOf(key), file, linkFirst, (handle) =>
        writeFile(handle, limitBytes(source, maxBytes)),
      )
      const info = await infoOf(file)
      if (!info) throw new Error('The stored file is gone')
      return info
    },
    async read(key, maxBytes, etag) {
      const info = await head(key)
      if (!info) return undefined
      if (info.bytes > maxBytes) throw tooManyBytes(maxBytes)
      if (etag !== undefined && etag !== info.etag) throw sourceChanged()
      return rootOf(key).find(() => orMissing(readFile(fileOf(key))))
    },
    head,
    stream: (key, range) => createReadStream(fileOf(key), range),
    remove: async (key) => removeDurably(rootOf(key), fileOf(key)),
    async *list(prefix, after = '') {
      for (const [base, root] of Object.entries(roots)) {
        const below = `${base}/`
        if (!below.startsWith(prefix) && !prefix.startsWith(below)) continue
        const isWithin = after.startsWith(below)
        if (after > below && !isWithin) continue
        await root.check()
        for await (const name of walk(root.directory, isWithin ? after.slice(below.length) : '')) {
          const key = `${below}${name}`
          if (!key.startsWith(prefix) || !isKey(key)) continue
          const info = await infoOf(fileOf(key))
          if (info) yield { key, ...info }
        }
      }
    },
    async *unfinished(everywhere = false, onMove = () => {}) {
      for (const root of Object.values(roots)) yield* findUnfinished(root, everywhere, onMove)
    },
    owners: () =>
      Promise.all(
        Object.values(roots).map(({ directory, find }) =>
          find(() => orMissing(readFile(path.join(directory, OWNER), 'utf8'))),
        ),
      ),
    async setOwner(id) {
      for (const root of Object.values(roots))
        await writeDurably(root, path.join(root.directory, OWNER), replace, (handle) => handle.writeFile(id))
    },
    async signUpload(key, limits) {
      const fields = signPolicy(await secret(), key, limits)
      return { url: `${publicUrl}/uploads?${new URLSearchParams(fields)}`, fields }
    },
    signRead: async () => undefined,
    verifyUpload: async (fields) => verifyPolicy(await secret(), fields),
    async check() {
      for (const root of Object.values(roots)) await checkWritable(root)
    },
  }
}

async function infoOf(file: string): Promise<ObjectInfo | undefined> {
  const found = await orMissing(stat(file, { bigint: true }))
  if (!found?.isFile()) return undefined
  const etag = `"${found.size.toString(16)}-${found.mtimeNs.toString(16)}-${found.ino.toString(16)}"`
  return { bytes: Number(found.size), etag, modified: found.mtime }
}

/** The key that signs upload forms, shared by all processes on the directory: the first to need it makes it. */
async function readSecret(root: Root): Promise<Uint8Array> {
  const file = path.join(root.directory, '.upload-secret')
  const known = await orMissing(readFile(file))
  if (known) return known
  await writeDurably(root, file, linkFirst, (handle) => handle.writeFile(randomBytes(32)))
  return readFile(file)
}
