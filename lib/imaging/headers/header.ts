/** What the header of a source says, before any decoding; sides as stored, `orientation` as in EXIF (1..8), `exif` in its TIFF form. */
export type Header = { width: number; height: number; orientation: number; exif?: Buffer }

/** Throws when an image of these sides must not be decoded; a reader calls it as soon as it knows them. */
export type CheckSize = (width: number, height: number) => void
