import ExifReader from 'exifreader'
import { readOrientation } from './orientation.ts'

/** What a camera wrote into a picture, in words of this service; what is absent, damaged or senseless is left out. */
export type Exif = {
  make?: string
  model?: string
  lens?: string
  /** Seconds. */
  exposure_time?: number
  f_number?: number
  iso?: number
  /** Millimetres, of the lens as it is. */
  focal_length?: number
  /** RFC 3339 where the camera knew its offset, else its local time without a zone: `2026-05-01T12:34:56`. */
  taken_at?: string
  /** As stored, 1 to 8; renditions are upright. */
  orientation?: number
  /** Degrees, north and east positive, and metres above the sea. */
  gps?: { latitude: number; longitude: number; altitude?: number }
}

/** As much as a JPEG segment holds; a block in PNG or WebP may be of any length. */
const MAX_EXIF_BYTES = 65_536

const MAX_TEXT = 100

const CAMERA_TAGS = [
  'Exif IFD Pointer',
  'Make',
  'Model',
  'LensModel',
  'ExposureTime',
  'FNumber',
  'ISOSpeedRatings',
  'FocalLength',
  'DateTimeOriginal',
  'OffsetTimeOriginal',
]

const PLACE_TAGS = [
  'GPS Info IFD Pointer',
  'GPSLatitude',
  'GPSLatitudeRef',
  'GPSLongitude',
  'GPSLongitudeRef',
  'GPSAltitude',
  'GPSAltitudeRef',
]

/** Reads EXIF data in its TIFF form; undefined where nothing is known. The place is not even parsed without `gps`. */
export function readExif(tiff: Buffer, gps: boolean): Exif | undefined {
  const read = readTags(tiff, gps ? [...CAMERA_TAGS, ...PLACE_TAGS] : CAMERA_TAGS)
  const found: Exif = {
    make: text(read('Make')),
    model: text(read('Model')),
    lens: text(read('LensModel')),
    exposure_time: positive(read('ExposureTime')),
    f_number: positive(read('FNumber')),
    iso: positive(read('ISOSpeedRatings')),
    focal_length: positive(read('FocalLength')),
    taken_at: time(text(read('DateTimeOriginal')), text(read('OffsetTimeOriginal'))),
    orientation: readOrientation(tiff),
    gps: gps ? place(read) : undefined,
  }
  const known = Object.entries(found).filter(([, value]) => value !== undefined)
  return known.length > 0 ? Object.fromEntries(known) : undefined
}

/** A tag's value or values, as numbers or texts. */
type Read = (tag: string) => unknown[]

function readTags(tiff: Buffer, names: string[]): Read {
  // The library would also take the block for any other kind of file.
  const isTiff = /^(II\*\0|MM\0\*)/.test(tiff.toString('latin1', 0, 4))
  if (!isTiff) return () => []
  let tags: object
  try {
    const block = Buffer.from(tiff.subarray(0, MAX_EXIF_BYTES))
    tags = ExifReader.load(block, { computed: true, includeTags: { exif: names } })
  } catch {
    // Metadata that breaks the rules is no reason to refuse the picture.
    return () => []
  }
  return (name) => [(tags as Record<string, { computed?: unknown }>)[name]?.computed].flat()
}

/** Without what cannot be seen: control characters and halves of surrogate pairs, which PostgreSQL refuses in JSON. */
function text([value]: unknown[]): string | undefined {
  if (typeof value !== 'string') return undefined
  const clean = value.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').trim()
  return [...clean].slice(0, MAX_TEXT).join('') || undefined
}

/** With 6 significant digits: 1/60 s is 0.0166667. */
function positive([value]: unknown[]): number | undefined {
  return typeof value === 'number' && value > 0 && Number.isFinite(value)
    ? Number(value.toPrecision(6))
    : undefined
}

/** `2026:05:01 12:34:56` and an offset as one time; undefined where the calendar has no such day. */
function time(stamp = '', offset = ''): string | undefined {
  const [, year, month, day, clock] = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)$/.exec(stamp) ?? []
  const local = `${year}-${month}-${day}T${clock}`
  const date = new Date(`${local}Z`)
  if (Number.isNaN(date.getTime()) || !date.toISOString().startsWith(local)) return undefined
  return /^[+-](0\d|1[0-4]):[0-5]\d$/.test(offset) ? local + offset : local
}

function place(read: Read): Exif['gps'] {
  const latitude = degrees(read('GPSLatitude'), signOf(read('GPSLatitudeRef'), 'N', 'S'), 90)
  const longitude = degrees(read('GPSLongitude'), signOf(read('GPSLongitudeRef'), 'E', 'W'), 180)
  if (latitude === undefined || longitude === undefined) return undefined
  const [height] = read('GPSAltitude')
  if (typeof height !== 'number' || !Number.isFinite(height)) return { latitude, longitude }
  return { latitude, longitude, altitude: round(read('GPSAltitudeRef')[0] === 1 ? -height : height, 1) }
}

/** Degrees, minutes and seconds as one number of 6 decimals, which is 0.1 m. */
function degrees(parts: unknown[], sign: number | undefined, most: number): number | undefined {
  const numbers = parts.filter((part) => typeof part === 'number' && Number.isFinite(part)) as number[]
  const value = numbers.reduce((sum, part, index) => sum + part / 60 ** index, 0)
  const fits = numbers.length === 3 && parts.length === 3 && Math.abs(value) <= most
  return fits && sign ? round(sign * value, 6) : undefined
}

const signOf = ([ref]: unknown[], plus: string, minus: string) =>
  ref === plus ? 1 : ref === minus ? -1 : undefined

const round = (value: number, decimals: number) => Math.round(value * 10 ** decimals) / 10 ** decimals
