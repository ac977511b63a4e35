import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rawPng } from '../../support/images.ts'

const CHILD = new URL('./memory-child.ts', import.meta.url).pathname

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'photo-processor-memory-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** Bytes without a pattern, by the multiplicative generator of Park and Miller. */
const random = Buffer.alloc(99_991)
for (let i = 0, seed = 2026; i < random.length; i++) {
  seed = (seed * 48_271) % 2_147_483_647
  random[i] = seed >> 8
}

/** A square picture with detail everywhere, and one with none. */
const noise = (side: number, channels: 3 | 4 = 3): Sharp =>
  sharp(Buffer.alloc(side * side * channels, random), { raw: { width: side, height: side, channels } })
const flat = (side: number): Sharp =>
  sharp({ create: { width: side, height: side, channels: 3, background: '#369' } })

const png16 = (side: number) =>
  rawPng({ width: side, height: side, depth: 16, colorType: 6 }, Buffer.alloc(side * (8 * side + 1)))

const THUMBNAIL = ['fit:320x320', 'format:jpeg']
const SMALL = ['fit:1000x1000']
const STEPS = ['rotate:90', 'flip:h', 'blur:9', 'blur:9', 'format:png']

/** Kinds of sources that take memory in a way of their own, and of what is made of them; a new one is a line here. */
const KINDS: readonly (readonly [kind: string, make: () => Promise<Buffer> | Buffer, list: string[]])[] = [
  ['JPEG', () => noise(5000).jpeg({ quality: 30 }).toBuffer(), THUMBNAIL],
  ['progressive JPEG', () => noise(2500).jpeg({ progressive: true }).toBuffer(), ['crop:0,0,8,8']],
  ['PNG of 16 bits with alpha', () => png16(3500), THUMBNAIL],
  ['interlaced PNG', () => noise(2500).png({ progressive: true, compressionLevel: 0 }).toBuffer(), SMALL],
  ['GIF', () => flat(5000).gif({ effort: 1 }).toBuffer(), THUMBNAIL],
  ['lossless WebP of one colour', () => flat(5000).webp({ lossless: true, effort: 0 }).toBuffer(), THUMBNAIL],
  ['JPEG at full size', () => noise(2500).jpeg().toBuffer(), ['rotate:90', 'format:jpeg']],
  ['JPEG in many steps', () => flat(2000).jpeg().toBuffer(), STEPS],
  ['WebP with alpha', () => noise(1500, 4).webp({ effort: 0 }).toBuffer(), ['blur:9', 'format:webp']],
]

test.each(KINDS)('what is taken is known from the header: %s', async (_, make, list) => {
  const file = path.join(directory, 'source')
  await writeFile(file, await make())
  // What lies on V8's heap does not grow with the picture.
  const args = ['--max-old-space-size=48', CHILD, file, ...list]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const { estimated, taken } = JSON.parse(stdout) as { estimated: number; taken: number }
  expect(taken / estimated).toBeLessThan(1.1)
  expect(taken / estimated).toBeGreaterThan(0.4)
})
