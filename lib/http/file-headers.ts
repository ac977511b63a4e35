import { buffer } from 'node:stream/consumers'
import { create } from 'content-disposition'
import type { App } from '../app.ts'
import { contentTypeOf, formatOf, formats } from '../imaging/formats.ts'
import { findPhotoOrNone } from '../photos/row.ts'
import { photoOf, type ReadHeaders } from '../storage/port.ts'

/** Pages of other origins may show images, and nothing else. */
export const SHOWN_ANYWHERE = { 'cross-origin-resource-policy': 'cross-origin' }

/** So many bytes at the beginning of a file say what format it has. */
const MAGIC_BYTES = 64

const BYTES = 'application/octet-stream'

/** Those of a rendition, by its path: shown by its type, and saved under the last part of the path. */
export function headersOfRendition(path: string, type = contentTypeOf(path)): ReadHeaders {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return { type: type ?? BYTES, disposition: dispose(name, type !== undefined) }
}

/**
 * Those of an original, which has the name and the bytes that a stranger chose: shown where it begins as an image of ours, which
 * runs no script, and saved otherwise.
 */
export async function headersOfOriginal(
  { db, storage }: Pick<App, 'db' | 'storage'>,
  key: string,
  bytes: number,
): Promise<ReadHeaders> {
  const uuid = photoOf(key)
  const [photo, beginning] = await Promise.all([
    uuid === undefined ? undefined : findPhotoOrNone(db, uuid),
    bytes === 0
      ? Buffer.alloc(0)
      : buffer(storage.stream(key, { start: 0, end: Math.min(bytes, MAGIC_BYTES) - 1 })),
  ])
  const name = photo?.name ?? uuid ?? 'original'
  const format = formatOf(beginning)
  if (!format) return { type: BYTES, disposition: dispose(name, false) }
  const { contentType, endings } = formats[format]
  const isNamedSo = endings.some((ending) => name.toLowerCase().endsWith(`.${ending}`))
  return { type: contentType, disposition: dispose(isNamedSo ? name : `${name}.${endings[0]}`, true) }
}

/** A `Content-Disposition` (RFC 6266) whose name is no path. */
const dispose = (name: string, isShown: boolean) =>
  create(name.toWellFormed().replace(/[/\\]/g, '_'), { type: isShown ? 'inline' : 'attachment' })
