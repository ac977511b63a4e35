import { primaryOf } from '../renditions/path.ts'
import type { RenditionRow } from '../renditions/row.ts'
import { errorOf, metadataOf, type PhotoRow, sourceUrlFor } from './row.ts'
import type { Reader } from './show.ts'

/** A photo in the words of the v1 door: a job, with its result once it is completed. */
export function showImageJob(photo: PhotoRow, renditions: readonly RenditionRow[], reader: Reader) {
  const { uuid, status, attempts, created_at, updated_at } = photo
  return {
    id: uuid,
    url: sourceUrlFor(reader.caller, photo),
    status,
    attempts,
    created_at,
    updated_at,
    result: resultOf(photo, renditions, reader),
    error: textOf(errorOf(photo)),
  }
}

/** Clients of this door show an error as it is: code and message are apart in the photo's own details. */
const textOf = (error: ReturnType<typeof errorOf>) => error && `${error.code}: ${error.message}`

function resultOf(photo: PhotoRow, renditions: readonly RenditionRow[], { caller, sign }: Reader) {
  const thumbnail = primaryOf(renditions)
  const metadata = metadataOf(photo)
  if (photo.status !== 'completed' || metadata === null) return null
  const { width, height, format, bytes, contentType, exif, thumbhash } = metadata
  return {
    width,
    height,
    format,
    size_bytes: bytes,
    thumbnail_path: thumbnail ? sign(thumbnail.url) : null,
    source_content_type: contentType,
    source_url: sourceUrlFor(caller, photo),
    exif,
    thumbhash,
  }
}
