import type { Readable } from 'node:stream'

/** Where originals and thumbnails lie. Keys are relative paths such as `thumbs/<uuid>.jpg`. */
export interface Storage {
  /** Stores under a key, visible complete or not at all; a second put replaces the first. */
  put(key: string, data: Uint8Array): Promise<void>
  /** The whole object, or undefined where there is none. Throws `too-many-bytes` past `maxBytes`. */
  read(key: string, maxBytes: number): Promise<Uint8Array | undefined>
  /** What is known of an object without reading it. */
  head(key: string): Promise<ObjectInfo | undefined>
  /** The bytes from `start` to `end`, both included; the whole object without a range. */
  stream(key: string, range?: { start: number; end: number }): Readable
  /** Removing what is not there is no error. */
  remove(key: string): Promise<void>
  /** Throws where nothing could be stored now. */
  check(): Promise<void>
}

/** `bytes` is the size; `etag` changes with the content and is quoted, as HTTP wants it. */
export type ObjectInfo = { bytes: number; etag: string; modified: Date }

const SEGMENT = '[A-Za-z0-9_-][A-Za-z0-9._-]*'
const KEY = new RegExp(`^(?:originals|thumbs)(?:/${SEGMENT}){1,8}$`)

/** Whether a key is one that this service may have made: no dot files, no `..`, nothing absolute. */
export const isKey = (key: string) => key.length <= 512 && KEY.test(key)

export const thumbKey = (path: string) => `thumbs/${path}`
export const originalKey = (uuid: string) => `originals/${uuid}`
