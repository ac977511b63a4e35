/** Bytes of the source from `start` up to, not including, `end`. */
export type Range = { start: number; end: number }

/**
 * An ICC profile in a source: its parts in order, whether they are deflated, and the colour space of the pixels that it is
 * for, by the name that profiles have for it.
 */
export type EmbeddedProfile = { parts: Range[]; deflated: boolean; space: 'RGB ' | 'CMYK' }

/**
 * What the header of a source says, before any decoding: sides in px as stored, `orientation` as in EXIF (1..8), `exif`
 * where its TIFF form lies, `icc` where its profile lies, unless the pixels are grey. Plain data without a Buffer, so that
 * a renderer can have it with the source.
 */
export type Header = {
  width: number
  height: number
  orientation: number
  exif?: Range
  icc?: EmbeddedProfile
}

/** Throws when an image of these sides must not be decoded; a reader calls it as soon as it knows them. */
export type CheckSize = (width: number, height: number) => void
