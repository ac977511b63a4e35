import type { Bitmap } from './bitmap.ts'
import { type Exif, readExif } from './exif.ts'
import type { SourceInfo } from './probe.ts'
import { hashThumbnail } from './thumbhash.ts'

/** What is kept of a source beside its renditions, as JSON: null where there is nothing. */
export type Metadata = SourceInfo & { exif: Exif | null; thumbhash: string | null }

/** Describes a source; `small` is any rendition of it, `exif` its EXIF data in the TIFF form. */
export const describeSource = (
  info: SourceInfo,
  exif: Buffer | undefined,
  small: Bitmap,
  exifGps: boolean,
): Metadata => ({
  ...info,
  exif: (exif && readExif(exif, exifGps)) ?? null,
  thumbhash: hashThumbnail(small),
})
