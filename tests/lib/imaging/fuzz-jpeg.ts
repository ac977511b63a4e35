import { createHash } from 'node:crypto'
import sharp from 'sharp'
import { AppError } from '../../../lib/errors.ts'
import { decodeScaled, SCALES, type Scale } from '../../../lib/imaging/decode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { isTrap } from '../../../lib/imaging/wasm/compile.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'
import { draw, type PICTURES } from './pictures.ts'
import { writeJpeg } from './write-jpeg.ts'

/** What a run over broken files came to; times are of the CPU, in ms. */
export type FuzzReport = {
  files: number
  decoded: number
  refused: number
  /** Seeds of files at which the module stopped by itself: there must be none. */
  traps: number[]
  /** Seeds of files after which something else than `AppError` was thrown. */
  strays: number[]
  /** Seeds of files that came out otherwise when they were decoded again, after another. */
  unstable: number[]
  slowestMs: number
  /** Of all that came out: the same for each run over the same files. */
  digest: string
}

/** A source may claim so many pixels, so that a broken header costs no more than a broken scan. */
const MAX_PIXELS = 1_000_000

/** Decodes `files` broken JPEGs, each a function of its seed, twice each, at all scales in turn. */
export async function fuzzJpeg(files: number, firstSeed = 1): Promise<FuzzReport> {
  const breakSource = await openBreaker()
  const report = {
    files,
    decoded: 0,
    refused: 0,
    traps: [],
    strays: [],
    unstable: [],
    slowestMs: 0,
    digest: '',
  }
  return run(breakSource, report, firstSeed)
}

async function run(
  breakSource: (seed: number) => Broken,
  report: FuzzReport,
  firstSeed: number,
): Promise<FuzzReport> {
  const all = createHash('sha1')
  let last: { seed: number; broken: Broken; digest: string } | undefined
  for (let seed = firstSeed; seed < firstSeed + report.files; seed++) {
    const broken = breakSource(seed)
    const start = process.cpuUsage()
    const { digest, error } = await decodeBroken(broken)
    const { user, system } = process.cpuUsage(start)
    report.slowestMs = Math.max(report.slowestMs, (user + system) / 1000)
    if (error === undefined) report.decoded++
    else {
      report.refused++
      if (!(error instanceof AppError)) report.strays.push(seed)
      else if (isTrap(error.cause)) report.traps.push(seed)
    }
    all.update(digest)
    if (last && (await decodeBroken(last.broken)).digest !== last.digest) report.unstable.push(last.seed)
    last = { seed, broken, digest }
  }
  return { ...report, digest: all.digest('hex') }
}

/** A broken source, the scale to decode it at, and how many pixels it may claim. */
export type Broken = { source: Buffer; scale: Scale; maxPixels: number }

/** What becomes of a broken source: a digest of its pixels, or of why it was refused. */
export async function decodeBroken({ source, scale, maxPixels }: Broken) {
  try {
    const header = readJpegHeader(source, (width, height) => {
      if (width * height > maxPixels) throw new AppError('too-many-pixels', 422, 'too large to try')
    })
    const { width, data } = await decodeScaled(source, header, scale)
    const digest = createHash('sha1').update(`${width} `).update(data).digest('hex')
    takeBack(data)
    return { digest }
  } catch (error) {
    return { digest: String(error), error }
  }
}

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

/** Changes bytes, cuts, repeats or exchanges pieces, most of all in the headers. */
function mutate(source: Buffer, sources: readonly Buffer[], seed: number): Buffer {
  // The generator of Park and Miller.
  let state = (seed * 16_807) % 2_147_483_647
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  let broken = Buffer.from(source)
  for (let change = random(5); change >= 0; change--) {
    const at = 2 + random(random(2) ? Math.max(1, broken.length - 2) : Math.min(700, broken.length - 2))
    const kind = random(10)
    if (kind < 5) broken[at] = random(256)
    else if (kind < 7) broken[at] = [0, 0xff, 0x7f, 0x80, 0xd0 + random(10)][random(5)] ?? 0
    else if (kind === 7) broken = broken.subarray(0, at)
    else if (kind === 8) {
      const piece = broken.subarray(at, at + random(200))
      broken = Buffer.concat([broken.subarray(0, at), piece, broken.subarray(at)])
    } else {
      const other = sources[random(sources.length)] as Buffer
      broken = Buffer.concat([broken.subarray(0, at), other.subarray(random(other.length))])
    }
    if (broken.length < 4) break
  }
  return broken
}
