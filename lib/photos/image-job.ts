import { errorOf, type PhotoRow, primaryOf, type ThumbnailRow } from './photo.ts'

/** What the pipeline notes of an original; photos of an earlier version lack the last two. */
type Metadata = {
  format: string
  contentType: string
  width: number
  height: number
  bytes: number
  exif?: Record<string, unknown> | null
  thumbhash?: string | null
}

/** A photo in the words of the v1 door: a job, with its result once it is completed. */
export function showImageJob(photo: PhotoRow, thumbnails: readonly ThumbnailRow[]) {
  const { uuid, url, status, attempts, created_at, updated_at } = photo
  return {
    id: uuid,
    url,
    status,
    attempts,
    created_at,
    updated_at,
    result: resultOf(photo, thumbnails),
    error: errorOf(photo),
  }
}

function resultOf({ status, metadata, url }: PhotoRow, thumbnails: readonly ThumbnailRow[]) {
  if (status !== 'completed' || metadata === null) return null
  const { width, height, format, bytes, contentType, exif, thumbhash } = JSON.parse(metadata) as Metadata
  return {
    width,
    height,
    format,
    size_bytes: bytes,
    thumbnail_path: primaryOf(thumbnails)?.url ?? null,
    source_content_type: contentType,
    source_url: url,
    exif: exif ?? null,
    thumbhash: thumbhash ?? null,
  }
}
