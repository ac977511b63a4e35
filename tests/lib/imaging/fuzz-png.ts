import { constants, deflateSync } from 'node:zlib'
import { decodePng } from '../../../lib/imaging/decode/png.ts'
import { readPngHeader } from '../../../lib/imaging/headers/png.ts'
import { atMost, type FuzzReport, mutate, runFuzz } from './fuzz.ts'
import { KINDS, noiseRows, type PngKind, writePng } from './write-png.ts'

/** Sources may claim so many pixels. */
const MAX_PIXELS = 100_000

/** A broken source, and the side of the boxes to shrink to. */
type Broken = { source: Buffer; side: number }

/** Decodes `files` broken PNGs, each a function of its seed, twice each, of all kinds and to boxes of 1 to 5 px in turn. */
export const fuzzPng = async (files: number, firstSeed = 1): Promise<FuzzReport> =>
  runFuzz(openBreaker(), decode, files, firstSeed)

async function decode({ source, side }: Broken) {
  const header = readPngHeader(source, atMost(MAX_PIXELS))
  return decodePng(source, header, { width: header.width / (2 * side), height: header.height / (2 * side) })
}

/** In three of four files only the stream of pixels is broken, below checksums that are right: others are mostly refused for these. */
function openBreaker(): (seed: number) => Broken {
  const kinds = KINDS.flatMap((kind) => [false, true].map((interlaced) => ({ ...kind, interlaced })))
  const sources = kinds.map((kind, i) => makeSource({ ...kind, width: 30 + i, height: 60 - i }, i))
  const streams = sources.map(({ stream }) => stream)
  const files = sources.map(({ file }) => file)
  return (seed) => {
    const index = Math.floor(seed / 4) % sources.length
    const { kind, stream, file } = sources[index] as (typeof sources)[number]
    const side = (seed % 5) + 1
    if (seed % 4 === 0) return { source: mutate(file, files, seed), side }
    return { source: write(kind, mutate(stream, streams, seed)), side }
  }
}

const write = (kind: PngKind, stream: Buffer) => writePng({ ...kind, stream })

/** Streams of all kinds of blocks. */
function makeSource(kind: PngKind, i: number) {
  const { Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_DEFAULT_STRATEGY } = constants
  const strategies = [Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE]
  const stream = deflateSync(noiseRows(kind), { level: i % 7 ? 9 : 0, strategy: strategies[i % 4] })
  return { kind, stream, file: write(kind, stream) }
}
