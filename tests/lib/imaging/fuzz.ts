import { createHash } from 'node:crypto'
import { AppError } from '../../../lib/errors.ts'
import type { Bitmap } from '../../../lib/imaging/bitmap.ts'
import { isTrap } from '../../../lib/imaging/wasm/compile.ts'
import { takeBack } from '../../../lib/imaging/wasm/module.ts'

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

/** Decodes what lies in `broken`; its pixels are taken back. */
type DecodeBroken<Broken> = (broken: Broken) => Promise<Bitmap>

/** Decodes `files` broken files, each a function of its seed, twice each. */
export async function runFuzz<Broken>(
  breakSource: (seed: number) => Broken,
  decode: DecodeBroken<Broken>,
  files: number,
  firstSeed: number,
): Promise<FuzzReport> {
  const all = createHash('sha1')
  const traps: number[] = []
  const strays: number[] = []
  const unstable: number[] = []
  let [decoded, slowestMs] = [0, 0]
  let last: { seed: number; broken: Broken; digest: string } | undefined
  for (let seed = firstSeed; seed < firstSeed + files; seed++) {
    const broken = breakSource(seed)
    const start = process.cpuUsage()
    const { digest, error } = await digestOf(() => decode(broken))
    const { user, system } = process.cpuUsage(start)
    slowestMs = Math.max(slowestMs, (user + system) / 1000)
    if (error === undefined) decoded++
    else if (!(error instanceof AppError)) strays.push(seed)
    else if (isTrap(error.cause)) traps.push(seed)
    all.update(digest)
    if (last) {
      const { broken: lastBroken } = last
      if ((await digestOf(() => decode(lastBroken))).digest !== last.digest) unstable.push(last.seed)
    }
    last = { seed, broken, digest }
  }
  const refused = files - decoded
  return { files, decoded, refused, traps, strays, unstable, slowestMs, digest: all.digest('hex') }
}

/** What becomes of a source: a digest of its pixels, or of why it was refused. */
export async function digestOf(decode: () => Promise<Bitmap>): Promise<{ digest: string; error?: unknown }> {
  try {
    const { width, data } = await decode()
    const digest = createHash('sha1').update(`${width} `).update(data).digest('hex')
    takeBack(data)
    return { digest }
  } catch (error) {
    return { digest: String(error), error }
  }
}

/** For header readers: refuses more than so many pixels, so that a broken header costs no more than a broken scan. */
export const atMost = (pixels: number) => (width: number, height: number) => {
  if (width * height > pixels) throw new AppError('too-many-pixels', 'too large to try')
}

/** Changes bytes, cuts, repeats or exchanges pieces, most of all in the headers. */
export function mutate(source: Buffer, sources: readonly Buffer[], seed: number): Buffer {
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
