import type { Bitmap } from './bitmap.ts'
import { type Exif, readExif } from './exif.ts'
import { asBuffer, type Probed, type SourceInfo } from './probe.ts'
import { hashThumbnail } from './thumbhash.ts'

/** What is kept of a source beside its renditions, as JSON: null where there is nothing. */
export type Metadata = SourceInfo & { exif: Exif | null; thumbhash: string | null }

/** Describes a source; `small` is any rendition of it. */
export const describeSource = (
  source: Uint8Array,
  { info, header: { exif } }: Probed,
  small: Bitmap,
  exifGps: boolean,
): Metadata => ({
  ...info,
  exif: (exif && readExif(asBuffer(source.subarray(exif.start, exif.end)), exifGps)) ?? null,
  thumbhash: hashThumbnail(small),
})
