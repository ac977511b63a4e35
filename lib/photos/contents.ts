import type { Readable } from 'node:stream'
import { LRUCache } from 'lru-cache'
import type { App } from '../app.ts'
import { MAX_VALUE_BYTES } from '../cache/port.ts'
import { type Storage, thumbKey } from '../storage/port.ts'
import { parseUuid } from '../uuid.ts'
import { findThumbnails, primaryOf, type ThumbnailRow } from './photo.ts'

/** Images of photos by version, as people look at them: again and again. */
export type Contents = {
  /** A version of a photo, the primary rendition unless named; undefined where there is none (yet). */
  find(id: string, version?: string): Promise<Content | undefined>
  /** The bytes of a version, or a stream of those that are too many to be kept; undefined where the file is gone. */
  read(content: Content): Promise<{ body: Uint8Array | Readable; cached: boolean } | undefined>
  /** Forgets a photo that has changed or gone. `known` are renditions that it had. */
  drop(uuid: string, known?: readonly ThumbnailRow[]): void
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

/** How long a process trusts what it knows of a photo's versions, in ms, should an event not reach it. */
const TRUST_MS = 5_000
const MAX_PHOTOS = 20_000

/** How long bytes are kept, in ms; they never change under their key. */
const KEEP_MS = 3_600_000

type Known = { at: number; versions: Promise<Content[]> }

/**
 * Opens the images. Bytes are cached under the row and the time at which they were made, so that no process can serve
 * old bytes for a new row, in whatever order things arrive. What a process remembers is only which rows a photo has:
 * dropped by events, and asked for again after 5 s. A promise is remembered from the first question on, so that
 * questions at once are one, and that what is dropped while it is being read is not remembered.
 */
export function openContents({ db, storage, cache }: Pick<App, 'db' | 'storage' | 'cache'>): Contents {
  const photos = new LRUCache<string, Known>({ max: MAX_PHOTOS })
  const reading = new Map<string, Promise<Uint8Array | undefined>>()

  function versionsOf(uuid: string): Promise<Content[]> {
    const known = photos.get(uuid)
    if (known && known.at > performance.now() - TRUST_MS) return known.versions
    const versions = findThumbnails(db, [uuid]).then((rows) => rows.map(contentOf))
    const asked = { at: performance.now(), versions }
    photos.set(uuid, asked)
    const forget = () => photos.peek(uuid) === asked && photos.delete(uuid)
    // Nothing yet is no answer to remember.
    versions.then(({ length }) => length === 0 && forget(), forget)
    return versions
  }

  /** Reads a file once for all who ask meanwhile. */
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
    async find(id, version) {
      const uuid = parseUuid(id)
      if (!uuid) return undefined
      const versions = await versionsOf(uuid)
      return version === undefined ? primaryOf(versions) : versions.find(({ name }) => name === version)
    },
    async read(content) {
      if (content.bytes > MAX_VALUE_BYTES)
        return { body: storage.stream(thumbKey(content.path)), cached: false }
      const kept = await cache.get(content.key)
      if (kept) return { body: kept, cached: true }
      const body = await load(content)
      return body && { body, cached: false }
    },
    drop(uuid, known = []) {
      const forget = (contents: readonly Content[]) => cache.delete(contents.map(({ key }) => key))
      forget(known.map(contentOf))
      const had = photos.get(uuid)
      photos.delete(uuid)
      had?.versions.then(forget, () => {})
    },
  }
}

/** Any rendition is one of ours, so its size needs no bound. */
const readFile = (storage: Storage, path: string) => storage.read(thumbKey(path), Number.POSITIVE_INFINITY)

function contentOf({ uuid, name, created_at, url, format, bytes }: ThumbnailRow): Content {
  const key = `${uuid}/${Date.parse(created_at)}`
  return { name, key, etag: `"${key}"`, path: url, type: `image/${format}`, bytes }
}
