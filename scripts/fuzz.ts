import { parseArgs } from 'node:util'
import { fuzzJpeg } from '../tests/lib/imaging/fuzz-jpeg.ts'
import { fuzzPng } from '../tests/lib/imaging/fuzz-png.ts'
import { readArguments } from './arguments.ts'

const USAGE = `Usage: npm run fuzz -- [files] [seed] [format]
  files     how many damaged files to decode (default 100000)
  seed      of the first, a whole number (default 1)
  format    jpeg (default) or png`

const FUZZERS = { jpeg: fuzzJpeg, png: fuzzPng }

/** A decode that takes longer than this many ms counts as a hang. */
const SLOWEST_MS = 1000

const { files, firstSeed, fuzz } = readArguments(USAGE, (args) => {
  const { positionals } = parseArgs({ args, allowPositionals: true, options: {} })
  const [files = '100000', firstSeed = '1', format = 'jpeg', more] = positionals
  if (!/^\d+$/.test(files) || !/^\d+$/.test(firstSeed))
    throw new Error('files and seed must be whole numbers')
  if (more !== undefined || !isFormat(format)) throw new Error('format must be jpeg or png, and the last')
  return { files: Number(files), firstSeed: Number(firstSeed), fuzz: FUZZERS[format] }
})
const report = await fuzz(files, firstSeed)
console.log(report)
console.log(`${Math.round(process.memoryUsage().rss / 2 ** 20)} MB resident`)
const { traps, strays, unstable, slowestMs } = report
if (traps.length + strays.length + unstable.length > 0 || slowestMs > SLOWEST_MS) process.exitCode = 1

function isFormat(text: string): text is keyof typeof FUZZERS {
  return Object.hasOwn(FUZZERS, text)
}
