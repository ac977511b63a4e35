import { primaryOf } from '../renditions/path.ts'
import type { RenditionRow } from '../renditions/row.ts'
import { errorOf, metadataOf, type PhotoRow } from './row.ts'

/** A photo in the words of the v1 door: a job, with its result once it is completed. */
export function showImageJob(photo: PhotoRow, renditions: readonly RenditionRow[]) {
  const { uuid, url, status, attempts, created_at, updated_at } = photo
  return {
    id: uuid,
    url,
    status,
    attempts,
    created_at,
    updated_at,
    result: resultOf(photo, renditions),
    error: errorOf(photo),
  }
}

function resultOf(photo: PhotoRow, renditions: readonly RenditionRow[]) {
  const metadata = metadataOf(photo)
  if (photo.status !== 'completed' || metadata === null) return null
  const { width, height, format, bytes, contentType, exif, thumbhash } = metadata
  return {
    width,
    height,
    format,
    size_bytes: bytes,
    thumbnail_path: primaryOf(renditions)?.url ?? null,
    source_content_type: contentType,
    source_url: photo.url,
    exif,
    thumbhash,
  }
}
