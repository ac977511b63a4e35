import './node-version.mjs'

// `npm run fuzz -- 100000 1 jpeg`: how many files, the seed of the first, and their format: jpeg or png.
const [files = '100000', firstSeed = '1', format = 'jpeg'] = process.argv.slice(2)
const { fuzzJpeg } = await import('../tests/lib/imaging/fuzz-jpeg.ts')
const { fuzzPng } = await import('../tests/lib/imaging/fuzz-png.ts')
const report = await { jpeg: fuzzJpeg, png: fuzzPng }[format](Number(files), Number(firstSeed))
console.log(report)
console.log(`${Math.round(process.memoryUsage().rss / 2 ** 20)} MB resident`)
const { traps, strays, unstable } = report
if (traps.length + strays.length + unstable.length > 0 || report.slowestMs > 1000) process.exitCode = 1
