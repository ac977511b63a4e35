import './node-version.mjs'

// `npm run fuzz -- 100000 1`: how many files, and the seed of the first.
const { fuzzJpeg } = await import('../tests/lib/imaging/fuzz-jpeg.ts')
const [files = '100000', firstSeed = '1'] = process.argv.slice(2)
const report = await fuzzJpeg(Number(files), Number(firstSeed))
console.log(report)
console.log(`${Math.round(process.memoryUsage().rss / 2 ** 20)} MB resident`)
const { traps, strays, unstable } = report
if (traps.length + strays.length + unstable.length > 0 || report.slowestMs > 1000) process.exitCode = 1
