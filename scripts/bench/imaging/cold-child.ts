/**
 * What a process that has just started does with its first photo, `cold-child.ts <file>`: prints how many ms of wall time
 * it took to load its code, to make the WebAssembly module ready, and from there to the first thumbnail.
 */
import { readFileSync } from 'node:fs'

const source = readFileSync(process.argv[2] ?? '')
const laps = [performance.now()]
const { readyCodec, renderAll, THUMBNAIL_RECIPE } = await import('./cold-path.ts')
laps.push(performance.now())
await readyCodec()
laps.push(performance.now())
await renderAll(source, THUMBNAIL_RECIPE, { maxPixels: 50_000_000 })
laps.push(performance.now())
console.log(laps.flatMap((lap, i) => (i > 0 ? lap - (laps[i - 1] as number) : [])).join(' '))
