import { deflateSync } from 'node:zlib'
import { PNG_SIGNATURE, pngChunk } from '../../support/images.ts'

export type PngKind = {
  width: number
  height: number
  depth: number
  colourType: number
  interlaced?: boolean
}

type PngOptions = PngKind & {
  /** The zlib stream of the rows; else of noise. */
  stream?: Buffer
  /** Chunks between IHDR and IDAT; a palette where colours are indexed, unless given. */
  before?: Buffer[]
  /** How the stream is cut into IDAT chunks. */
  cut?: (stream: Buffer) => Buffer[]
  /** What follows the last IDAT. */
  after?: Buffer[]
}

/** Every colour type and depth that PNG has. */
export const KINDS = [
  ...[1, 2, 4, 8, 16].map((depth) => ({ colourType: 0, depth })),
  ...[1, 2, 4, 8].map((depth) => ({ colourType: 3, depth })),
  ...[2, 4, 6].flatMap((colourType) => [8, 16].map((depth) => ({ colourType, depth }))),
]

/** First column and row, and steps, of the passes of Adam7. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

/** Rows in the order in which they are sent: bytes without the filter, and pixels. */
export function rowsOf({ width, height, depth, colourType, interlaced }: PngKind) {
  const samples = { 2: 3, 4: 2, 6: 4 }[colourType] ?? 1
  const passes = interlaced ? PASSES : [[0, 0, 1, 1] as const]
  return passes.flatMap(([left, top, acrossStep, downStep]) => {
    const pixels = Math.max(0, Math.ceil((width - left) / acrossStep))
    const rows = pixels ? Math.max(0, Math.ceil((height - top) / downStep)) : 0
    return Array.from({ length: rows }, () => ({ pixels, bytes: Math.ceil((pixels * depth * samples) / 8) }))
  })
}

/** Filtered rows whose bytes repeat now and then; `filterOf` says the filter of each, by default all five and pairs of the fourth. */
export function noiseRows(
  kind: PngKind,
  filterOf = (row: number) => [0, 1, 2, 3, 4, 4, 4, 1][row % 8] ?? 0,
): Buffer {
  let state = kind.width * 7 + kind.height * 3 + kind.depth + kind.colourType
  const random = () => {
    state = (state * 48_271) % 2_147_483_647
    return state
  }
  const rows = rowsOf(kind).map(({ bytes }, row) => {
    const content = Array.from({ length: bytes }, (_, i) => (random() % 5 ? random() & 255 : i & 7))
    return Buffer.from([filterOf(row), ...content])
  })
  return Buffer.concat(rows)
}

/** Writes a PNG of any kind; its pixels are noise unless a stream is given. */
export function writePng({ stream, before, cut = (whole) => [whole], after, ...kind }: PngOptions): Buffer {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(kind.width, 0)
  head.writeUInt32BE(kind.height, 4)
  head.set([kind.depth, kind.colourType, 0, 0, kind.interlaced ? 1 : 0], 8)
  const parts = cut(stream ?? deflateSync(noiseRows(kind)))
  return Buffer.concat([
    PNG_SIGNATURE,
    pngChunk('IHDR', head),
    ...(before ?? (kind.colourType === 3 ? [PALETTE] : [])),
    ...parts.map((part) => pngChunk('IDAT', part)),
    ...(after ?? [pngChunk('IEND', Buffer.alloc(0))]),
  ])
}

/** A palette whose colours are all different; not every index has one at 8 bits. */
export const PALETTE = pngChunk(
  'PLTE',
  Buffer.from(Array.from({ length: 600 }, (_, i) => (i * 37 + 11) & 255)),
)
