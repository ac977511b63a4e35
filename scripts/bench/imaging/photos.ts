import { access, mkdir, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import sharp, { type Sharp } from 'sharp'

export type PhotoName = 'jpeg-12mp' | 'progressive-12mp' | 'jpeg-2mp' | 'png-12mp' | 'webp-2mp'

/** Part of the directory's name: another number where the pictures are made in another way. */
const VERSION = 4

/** Sides in px of what a phone takes at 12 megapixels. */
const SIDES_12MP = [4032, 3024] as const
const SIDES_2MP = [1632, 1224] as const

/**
 * The path of a source, which is generated once and kept in the temporary directory. With `given`, that JPEG stands
 * for the one of 12 megapixels, and the progressive one is made from it at quality 95.
 */
export async function findPhoto(name: PhotoName, given?: string): Promise<string> {
  if (given && name === 'jpeg-12mp') return given
  const directory = path.join(tmpdir(), `photo-processor-bench-${VERSION}`)
  const prefix = given && name === 'progressive-12mp' ? `${path.basename(given)}-` : ''
  const file = path.join(directory, prefix + name)
  if (await isThere(file)) return file
  await mkdir(directory, { recursive: true })
  await writeFile(`${file}.${process.pid}`, await make[name](given))
  await rename(`${file}.${process.pid}`, file)
  return file
}

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  )

const make: Record<PhotoName, (given?: string) => Promise<Buffer>> = {
  'jpeg-12mp': () => draw(SIDES_12MP, (image) => image.jpeg(CAMERA)),
  'progressive-12mp': async (given) =>
    sharp(await findPhoto('jpeg-12mp', given))
      .keepExif()
      .jpeg({ ...CAMERA, quality: given ? 95 : CAMERA.quality, progressive: true })
      .toBuffer(),
  'jpeg-2mp': () => draw(SIDES_2MP, (image) => image.jpeg(CAMERA)),
  'png-12mp': () => draw(SIDES_12MP, (image) => image.png()),
  'webp-2mp': () => draw(SIDES_2MP, (image) => image.webp()),
}

const CAMERA = { quality: 90, chromaSubsampling: '4:2:0' } as const

/** Strengths by cell width in px, which fall off towards fine detail about as in photographs; the last is the sensor's noise. */
const OCTAVES = [
  [1024, 60],
  [512, 40],
  [256, 30],
  [128, 22],
  [64, 16],
  [32, 12],
  [16, 9],
  [8, 7],
  [4, 6],
  [2, 6],
  [1, 9],
] as const

/** A picture as busy as a photograph: noise of every size, the same in every run. */
async function draw(
  [width, height]: readonly [number, number],
  encode: (image: Sharp) => Sharp,
): Promise<Buffer> {
  const sum = new Float32Array(width * height * 3).fill(120)
  let seed = 1
  for (const [cell, strength] of OCTAVES) {
    const size = {
      width: Math.ceil(width / cell) + 1,
      height: Math.ceil(height / cell) + 1,
      channels: 3 as const,
    }
    const grid = Buffer.alloc(size.width * size.height * 3)
    for (let at = 0; at < grid.length; at += 3) {
      // Park and Miller's generator; colours vary less than brightness, as in nature.
      seed = (seed * 48_271) % 2_147_483_647
      const light = (seed >> 8) % 192
      for (let channel = 0; channel < 3; channel++)
        grid[at + channel] = light + ((seed >> (8 + 5 * channel)) & 63)
    }
    const layer = await sharp(grid, { raw: size })
      .resize(width, height, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer()
    for (let at = 0; at < sum.length; at++)
      sum[at] = (sum[at] as number) + (((layer[at] as number) - 128) * strength) / 64
  }
  const data = Buffer.from(Uint8ClampedArray.from(sum).buffer)
  return encode(sharp(data, { raw: { width, height, channels: 3 } })).toBuffer()
}
