import sharp from 'sharp'
import { AppError } from '../../../lib/errors.ts'
import { decodeScaled, SCALES } from '../../../lib/imaging/decode/jpeg.ts'
import { readJpegHeader } from '../../../lib/imaging/headers/jpeg.ts'
import { isTrap } from '../../../lib/imaging/wasm/compile.ts'
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
  slowestMs: number
}

/** A picture must have fewer pixels than this to be decoded, so that a broken header costs no more than a broken scan. */
const MAX_PIXELS = 1_000_000

/** Decodes `files` broken JPEGs, each a function of its seed, at all scales in turn. */
export async function fuzzJpeg(files: number, firstSeed = 1): Promise<FuzzReport> {
  const sources = await makeSources()
  const report: FuzzReport = { files, decoded: 0, refused: 0, traps: [], strays: [], slowestMs: 0 }
  for (let seed = firstSeed; seed < firstSeed + files; seed++) {
    const broken = mutate(sources[seed % sources.length] as Buffer, sources, seed)
    const start = process.cpuUsage()
    try {
      const header = readJpegHeader(broken, (width, height) => {
        if (width * height > MAX_PIXELS) throw new AppError('too-many-pixels', 422, 'too large to try')
      })
      await decodeScaled(broken, header, SCALES[seed % 4] ?? 8)
      report.decoded++
    } catch (error) {
      report.refused++
      if (!(error instanceof AppError)) report.strays.push(seed)
      else if (isTrap(error.cause)) report.traps.push(seed)
    }
    const { user, system } = process.cpuUsage(start)
    report.slowestMs = Math.max(report.slowestMs, (user + system) / 1000)
  }
  return report
}

async function makeSources(): Promise<Buffer[]> {
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
