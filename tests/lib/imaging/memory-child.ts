import { readFileSync, writeFileSync } from 'node:fs'
import { memoryOfRender } from '../../../lib/imaging/memory.ts'
import { readSource } from '../../../lib/imaging/probe.ts'
import { renderAll } from '../../../lib/imaging/render.ts'
import { parseTransformations } from '../../../lib/photos/transformations.ts'
import * as images from '../../support/images.ts'

/**
 * `memory-child.ts <file> <transformation>…`: renders the file in a process that has rendered a small one, and prints the
 * bytes that it was estimated to take and those that it took at its peak above idle.
 */
const [, , file = '', ...transformations] = process.argv
const recipe = parseTransformations(transformations)
const maxPixels = 50_000_000
await renderAll(await images.png(images.sample(8, 8)), parseTransformations(['format:jpeg']), { maxPixels })
const idle = memory('VmRSS')
// Sets the peak back to what is in use now.
writeFileSync('/proc/self/clear_refs', '5')
const source = readFileSync(file)
await renderAll(source, recipe, { maxPixels })
console.log(
  JSON.stringify({
    estimated: memoryOfRender(readSource(source, maxPixels), recipe),
    taken: memory('VmHWM') - idle,
  }),
)

/** In bytes (proc(5)). */
function memory(field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024
}
