import sharp from 'sharp'
import { decodeScaled, SCALES, type Scale } from '../../../lib/imaging/decode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { atMost, digestOf, type FuzzReport, mutate, runFuzz } from './fuzz.ts'
import { draw, type PICTURES } from './pictures.ts'
import { writeJpeg } from './write-jpeg.ts'

/** Small sources may claim so many pixels. */
const MAX_PIXELS = 1_000_000

/** Decodes `files` broken JPEGs, each a function of its seed, twice each, at all scales in turn. */
export const fuzzJpeg = async (files: number, firstSeed = 1): Promise<FuzzReport> =>
  runFuzz(await openBreaker(), decode, files, firstSeed)

/** A broken source, the scale to decode it at, and how many pixels it may claim. */
export type Broken = { source: Buffer; scale: Scale; maxPixels: number }

const decode = async ({ source, scale, maxPixels }: Broken) =>
  decodeScaled(source, readJpegHeader(source, atMost(maxPixels)), scale)

export const decodeBroken = (broken: Broken) => digestOf(() => decode(broken))

/** Makes the sources; returns what breaks one of them, a function of the seed. */
export async function openBreaker(): Promise<(seed: number) => Broken> {
  const [small, large] = [await smallSources(), await largeSources()]
  return (seed) => {
    // One in 32 is large: lanes need some, and each takes as long as 20 small ones.
    const isLarge = seed % 32 === 0
    const sources = isLarge ? large : small
    const source = sources[(isLarge ? seed / 32 : seed) % sources.length] as Buffer
    return {
      source: mutate(source, sources, seed),
      scale: isLarge ? 1 : (SCALES[seed % 4] as Scale),
      maxPixels: isLarge ? LARGE.width * LARGE.height : MAX_PIXELS,
    }
  }
}

async function smallSources(): Promise<Buffer[]> {
  const raw = { width: 70, height: 50, channels: 3 as const }
  const noise = Buffer.from(Array.from({ length: 70 * 50 * 3 }, (_, i) => (i * i * 31 + (i >> 4)) & 255))
  const image = () => sharp(noise, { raw }).blur(2)
  return [
    await image().jpeg({ quality: 90 }).toBuffer(),
    await image().jpeg({ progressive: true }).toBuffer(),
    await image().jpeg({ mozjpeg: true, chromaSubsampling: '4:4:4' }).toBuffer(),
    await image().jpeg({ optimiseCoding: false }).toBuffer(),
    writeJpeg({ width: 61, height: 43, sampling: '2x2 1x1 1x1', restart: 2 }),
    writeJpeg({ width: 33, height: 40, sampling: '1x2 1x1 1x1', progressive: true, restart: 3 }),
    writeJpeg({ width: 40, height: 33, sampling: '4x1 1x1 1x1', separate: true, wideQuantisers: true }),
    writeJpeg({ width: 40, height: 33, sampling: '1x1 1x1 1x1 1x1', adobe: 2 }),
  ]
}

/** In 4:4:4 more blocks than the lists of both lanes hold. */
const LARGE = { width: 2048, height: 1472 }

/** Pictures for which a decode at 1/8 runs both lanes, to the ends of their lists. */
async function largeSources(): Promise<Buffer[]> {
  const image = (name: keyof typeof PICTURES) => sharp(draw(name, LARGE), { raw: { ...LARGE, channels: 3 } })
  return [
    await image('flat').jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(),
    await image('half flat').jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(),
    await image('page').jpeg({ optimiseCoding: false, chromaSubsampling: '4:4:4' }).toBuffer(),
    await image('page').jpeg().toBuffer(),
    await image('product').jpeg({ optimiseCoding: false }).toBuffer(),
    await image('screenshot').jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(),
  ]
}
