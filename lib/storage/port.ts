import type { Readable } from 'node:stream'

/** Where originals and renditions lie. Keys are relative paths such as `thumbs/<xx>/<uuid>.jpg`. */
export interface Storage {
  /** Stores under a key, visible complete or not at all; a second put replaces the first. */
  put(key: string, data: Uint8Array): Promise<void>
  /**
   * Stores what a stream brings, never all in memory; an object that is there already may stay instead. Throws `empty-source`, or `too-many-bytes` past `maxBytes`; then, or if the stream fails, nothing is stored.
   */
  putStream(key: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<ObjectInfo>
  /**
   * The whole object, or undefined where there is none. Throws `too-many-bytes` past `maxBytes`, and `source-changed`
   * where `etag` is given and the object has another.
   */
  read(key: string, maxBytes: number, etag?: string): Promise<Uint8Array | undefined>
  /** What is known of an object without reading it. */
  head(key: string): Promise<ObjectInfo | undefined>
  /** The bytes from `start` to `end`, both included; the whole object without a range. */
  stream(key: string, range?: { start: number; end: number }): Readable
  /** Removing what is not there is no error. */
  remove(key: string): Promise<void>
  /** Every object whose key begins with `prefix`, in the order of their keys, from behind `after`. */
  list(prefix: string, after?: string): AsyncIterable<{ key: string } & ObjectInfo>
  /**
   * What writes that did not end have left, or are still writing. `everywhere` looks also where earlier versions left it: it
   * takes as long as `list`, and calls `onMove` as it goes on.
   */
  unfinished(everywhere?: boolean, onMove?: () => void): AsyncIterable<Unfinished>
  /** Which database its files belong to, as `setOwner` has noted it; one entry for each place that may be mounted by itself. */
  owners(): Promise<(string | undefined)[]>
  /** Notes, where no list shows it, which database all of its files belong to. */
  setOwner(id: string): Promise<void>
  /** A form that lets whoever has it upload this one object, of 1 to `maxBytes` bytes, until `expiresAt`. */
  signUpload(key: string, limits: UploadLimits): Promise<UploadForm>
  /**
   * A link to read an object elsewhere, which answers with these headers: good for minutes, and not beyond `until` (ms since 1970).
   * Undefined where this service serves it itself.
   */
  signRead(key: string, headers: ReadHeaders, until?: number): Promise<string | undefined>
  /** What a form that `signUpload` made allows; throws `upload-refused` or `upload-expired`. Undefined where uploads go elsewhere. */
  readonly verifyUpload: ((fields: Readonly<Record<string, string>>) => Promise<UploadPolicy>) | undefined
  /** Stores a byte and removes it; throws where nothing can be stored now. */
  check(): Promise<void>
}

/** `Content-Type` and `Content-Disposition`. */
export type ReadHeaders = { type: string; disposition: string }

/** `bytes` is the size; `etag` changes with the content and is quoted, as HTTP wants it. */
export type ObjectInfo = { bytes: number; etag: string; modified: Date }

/**
 * A write that did not end. `modified` is when bytes came last, or, where `key` names the object, when it began.
 */
export type Unfinished = { key: string | undefined; modified: Date; remove(): Promise<void> }

export type UploadLimits = { maxBytes: number; expiresAt: Date }
export type UploadPolicy = { key: string; maxBytes: number }

/** Where to post a multipart form: every field first, then the content as `file`. The local store takes a PUT of the bytes too. */
export type UploadForm = { url: string; fields: Record<string, string> }

/** What every key begins with, one of them; each may be a volume of its own. */
export const ROOTS = ['originals', 'thumbs']

const SEGMENT = '[A-Za-z0-9_-][A-Za-z0-9._-]*'
const keysBelow = (root: string) => `^${root}(?:/${SEGMENT}){1,8}$`
const KEY = new RegExp(keysBelow(`(?:${ROOTS.join('|')})`))

/** The longest key, in characters. */
export const MOST_KEY_LENGTH = 512

/** What the key of an uploaded original is, for JavaScript and PostgreSQL alike. */
export const ORIGINAL = keysBelow('originals')

/** Below `originals/` and `thumbs/`, where `setOwner` writes; no key. */
export const OWNER = '.owner'

/** Whether a key is one that this service may have made: no dot files, no `..`, nothing absolute. */
export const isKey = (key: string) => key.length <= MOST_KEY_LENGTH && KEY.test(key)

/** Whether a key is one of an uploaded original. */
export const isOriginal = (key: string) => isKey(key) && key.startsWith('originals/')

/** The key of a rendition, by its path below the root of the renditions. */
export const renditionKey = (path: string) => `thumbs/${path}`
export const originalKey = (uuid: string) => `originals/${uuid}`

/** The photo of a key, where it is named like one: that of an original, or of a rendition. */
export const photoOf = (key: string): string | undefined =>
  /^(?:originals|thumbs(?:\/[^/]+)?)\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])[^/]*$/.exec(
    key,
  )?.[1]
