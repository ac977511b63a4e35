import { readBmpHeader } from './headers/bmp.ts'
import { readGifHeader } from './headers/gif.ts'
import type { CheckSize, Header } from './headers/header.ts'
import { readJpegHeader } from './headers/jpeg.ts'
import { isPgm, readPgmHeader } from './headers/pgm.ts'
import { readPngHeader } from './headers/png.ts'
import { readWebpHeader } from './headers/webp.ts'

/** What is known of a format without its codec, which `codecs.ts` has: this file is part of functions that decode nothing. */
export type Format = {
  contentType: string
  /** Endings of file names, without the dot; ours are the first. */
  endings: readonly [string, ...string[]]
  /** Whether renditions can be made in it. */
  isOutput: boolean
  /** Whether a file begins as this format does. */
  matches(source: Buffer): boolean
  /** Throws `corrupt-image`, `unsupported-format` or what `checkSize` throws. */
  readHeader(source: Buffer, checkSize: CheckSize): Header
}

/** A new format is an entry here and one in `codecs.ts`, which does not compile without it. */
export const formats = {
  jpeg: {
    contentType: 'image/jpeg',
    endings: ['jpg', 'jpeg'],
    isOutput: true,
    matches: (source) => startsWith(source, '\xff\xd8\xff'),
    readHeader: readJpegHeader,
  },
  png: {
    contentType: 'image/png',
    endings: ['png'],
    isOutput: true,
    matches: (source) => startsWith(source, '\x89PNG\r\n\x1a\n'),
    readHeader: readPngHeader,
  },
  gif: {
    contentType: 'image/gif',
    endings: ['gif'],
    isOutput: false,
    matches: (source) => startsWith(source, 'GIF87a') || startsWith(source, 'GIF89a'),
    readHeader: readGifHeader,
  },
  bmp: {
    contentType: 'image/bmp',
    endings: ['bmp'],
    isOutput: false,
    // Two letters alone would claim text; the length of the next header is under 256.
    matches: (source) => startsWith(source, 'BM') && source.toString('latin1', 15, 18) === '\0\0\0',
    readHeader: readBmpHeader,
  },
  webp: {
    contentType: 'image/webp',
    endings: ['webp'],
    isOutput: true,
    matches: (source) => startsWith(source, 'RIFF') && source.toString('latin1', 8, 12) === 'WEBP',
    readHeader: readWebpHeader,
  },
  pgm: {
    contentType: 'image/x-portable-graymap',
    endings: ['pgm'],
    isOutput: false,
    matches: isPgm,
    readHeader: readPgmHeader,
  },
} as const satisfies Record<string, Format>

type Formats = typeof formats

export type SourceFormat = keyof Formats

/** Formats that renditions can be made in. */
export type OutputFormat = {
  [Name in SourceFormat]: Formats[Name]['isOutput'] extends true ? Name : never
}[SourceFormat]

/** The header of a format, as its reader returns it. */
export type HeaderOf<Name extends SourceFormat> = ReturnType<Formats[Name]['readHeader']>

const names = Object.keys(formats) as SourceFormat[]

export const OUTPUT_FORMATS = names.filter((name): name is OutputFormat => formats[name].isOutput)

/** The format that a file begins as, if it is one of ours. */
export const formatOf = (source: Buffer): SourceFormat | undefined =>
  names.find((name) => formats[name].matches(source))

/** The content type of a file by the ending of its name; undefined where it is no image of ours. */
export function contentTypeOf(file: string): string | undefined {
  const ending = file.slice(file.lastIndexOf('.') + 1)
  return Object.values<Format>(formats).find(({ endings }) => endings.includes(ending))?.contentType
}

function startsWith(source: Buffer, magic: string): boolean {
  return source.toString('latin1', 0, magic.length) === magic
}
