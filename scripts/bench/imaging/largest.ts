import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { findPhoto } from './photos.ts'
import { startContender } from './runners.ts'

/** Just under the 50 megapixels that are allowed. */
const SIDE = 7000

/** One picture of each kind that takes memory in a way of its own, within the 50 MiB that are allowed. */
const kinds: Record<string, (photo: Sharp) => Promise<Buffer>> = {
  JPEG: (photo) => photo.jpeg({ quality: 85 }).toBuffer(),
  'progressive JPEG': (photo) => photo.jpeg({ quality: 85, progressive: true }).toBuffer(),
  PNG: (photo) => photo.png().toBuffer(),
  'PNG of 16 bits with alpha': (photo) => photo.ensureAlpha().toColourspace('rgb16').png().toBuffer(),
  'PNG with alpha': (photo) => photo.ensureAlpha(0.5).png().toBuffer(),
  'PNG, interlaced': (photo) => photo.png({ progressive: true }).toBuffer(),
  'PNG with a palette': (photo) => photo.png({ palette: true, effort: 1 }).toBuffer(),
  GIF: (photo) => photo.gif({ effort: 1 }).toBuffer(),
  BMP: async (photo) => asBmp(await photo.greyscale().raw().toBuffer()),
  WebP: (photo) => photo.webp({ effort: 0 }).toBuffer(),
  'WebP with alpha': (photo) => photo.ensureAlpha(0.5).webp({ effort: 0 }).toBuffer(),
  'WebP, lossless, of one colour': () =>
    sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: '#369' } })
      .webp({ lossless: true })
      .toBuffer(),
}

/** Peak memory above idle of a 320x320 of each kind at 49 megapixels, each in a process of its own; a table. */
export async function measureLargest(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'photo-processor-largest-'))
  const rows: string[] = []
  try {
    const small = await sharp(await findPhoto('jpeg-12mp'))
      .resize(SIDE / 7, SIDE / 7, { fit: 'fill' })
      .png()
      .toBuffer()
    for (const [kind, make] of Object.entries(kinds)) {
      const photo = sharp(small).resize(SIDE, SIDE, { kernel: 'nearest' })
      const file = path.join(directory, 'photo')
      const bytes = await make(photo)
      await writeFile(file, bytes)
      const runner = await startContender('ours')
      const sample = await runner.run('thumbnail', file)
      runner.stop()
      rows.push(`| ${kind} | ${(bytes.length / 1e6).toFixed(1)} | ${sample?.[2].toFixed(0) ?? 'refused'} |`)
    }
  } finally {
    await rm(directory, { recursive: true })
  }
  const head = '| 320x320 of 49 MP | file in MB | peak memory above idle in MB |'
  return [head, '| --- | ---: | ---: |', ...rows].join('\n')
}

/** Rows of grey as a bitmap of Windows with a palette, rows from the top. */
function asBmp(grey: Buffer): Buffer {
  const palette = Buffer.from(Array.from({ length: 256 }, (_, level) => [level, level, level, 0]).flat())
  const header = Buffer.alloc(54)
  header.write('BM', 'latin1')
  header.writeUInt32LE(header.length + palette.length + grey.length, 2)
  header.writeUInt32LE(header.length + palette.length, 10)
  header.writeUInt32LE(40, 14)
  header.writeInt32LE(SIDE, 18)
  header.writeInt32LE(-SIDE, 22)
  header.writeUInt16LE(1, 26)
  header.writeUInt16LE(8, 28)
  return Buffer.concat([header, palette, grey])
}
