import type { Readable } from 'node:stream'
import { LRUCache } from 'lru-cache'
import { type Cache, MAX_VALUE_BYTES } from '../cache/port.ts'
import type { Db } from '../db/port.ts'
import { renditionKey, type Storage } from '../storage/port.ts'
import { parseUuid } from '../uuid.ts'
import { primaryOf } from './path.ts'
import { findRenditions, type RenditionRow } from './row.ts'

/** The bytes of renditions, as people look at them: again and again. */
export type Contents = {
  /** A rendition of a photo, the primary one unless named; undefined where there is none (yet). */
  find(id: string, name?: string): Promise<Content | undefined>
  /** The bytes of a rendition, or a stream of those that are too many to be kept; undefined where the file is gone. */
  read(content: Content): Promise<{ body: Uint8Array | Readable; cached: boolean } | undefined>
  /** The same without the bytes, of which there are so many: none are read from the storage. */
  look(content: Content): Promise<{ bytes: number; cached: boolean } | undefined>
  /** Forgets a photo that has changed or gone. `known` are renditions that it had. */
  drop(uuid: string, known?: readonly RenditionRow[]): void
}

/** `key` and `etag` change whenever the image is made again. */
export type Content = {
  name: string
  key: string
  etag: string
  path: string
  type: string
  bytes: number
}

/** How long a process trusts what it knows of a photo's renditions, in ms, should an event not reach it. */
const TRUST_MS = 5_000
const MAX_PHOTOS = 20_000

/** How long bytes are kept, in ms; they never change under their key. */
const KEEP_MS = 3_600_000

type Sources = { db: Db; storage: Storage; cache: Cache }

type Known = { at: number; rows: Promise<RenditionRow[]> }

/**
 * Opens the contents. Bytes are cached under the row and the time at which they were made, so that no process can serve
 * old bytes for a new row, in whatever order things arrive. What a process remembers is only which rows a photo has:
 * dropped by events, and read again after 5 s. A promise is remembered from the first request on, so that requests at
 * once read once, and that what is dropped while it is being read is not remembered.
 */
export function openContents({ db, storage, cache }: Sources): Contents {
  const photos = new LRUCache<string, Known>({ max: MAX_PHOTOS })
  const reading = new Map<string, Promise<Uint8Array | undefined>>()

  function rowsOf(uuid: string): Promise<RenditionRow[]> {
    const known = photos.get(uuid)
    if (known && known.at > performance.now() - TRUST_MS) return known.rows
    const rows = findRenditions(db, [uuid])
    const read = { at: performance.now(), rows }
    photos.set(uuid, read)
    const forget = () => photos.peek(uuid) === read && photos.delete(uuid)
    // Nothing yet is no answer to remember.
    rows.then(({ length }) => length === 0 && forget(), forget)
    return rows
  }

  /** Reads a file once for all requests that come meanwhile. */
  function load({ key, path }: Content): Promise<Uint8Array | undefined> {
    const running = reading.get(key)
    if (running) return running
    const started = readFile(storage, path)
      .then((bytes) => {
        if (bytes) cache.set(key, bytes, KEEP_MS)
        return bytes
      })
      .finally(() => reading.delete(key))
    reading.set(key, started)
    return started
  }

  return {
    async find(id, name) {
      const uuid = parseUuid(id)
      if (!uuid) return undefined
      const rows = await rowsOf(uuid)
      const row = name === undefined ? primaryOf(rows) : rows.find((one) => one.name === name)
      return row && contentOf(row)
    },
    async read(content) {
      if (content.bytes > MAX_VALUE_BYTES)
        return { body: storage.stream(renditionKey(content.path)), cached: false }
      const kept = await cache.get(content.key)
      if (kept) return { body: kept, cached: true }
      const body = await load(content)
      return body && { body, cached: false }
    },
    async look({ key, path, bytes }) {
      const kept = bytes > MAX_VALUE_BYTES ? undefined : await cache.get(key)
      if (kept) return { bytes: kept.byteLength, cached: true }
      const stored = await storage.head(renditionKey(path))
      return stored && { bytes: stored.bytes, cached: false }
    },
    drop(uuid, known = []) {
      const forget = (rows: readonly RenditionRow[]) => cache.delete(rows.map((row) => contentOf(row).key))
      forget(known)
      const had = photos.get(uuid)
      photos.delete(uuid)
      had?.rows.then(forget, () => {})
    },
  }
}

/** Any rendition is one of ours, so its size needs no bound. */
const readFile = (storage: Storage, path: string) =>
  storage.read(renditionKey(path), Number.POSITIVE_INFINITY)

function contentOf({ uuid, name, created_at, url, format, bytes }: RenditionRow): Content {
  const key = `${uuid}/${Date.parse(created_at)}`
  return { name, key, etag: `"${key}"`, path: url, type: `image/${format}`, bytes }
}
