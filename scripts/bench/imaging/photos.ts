import { access, mkdir, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import sharp, { type Sharp } from 'sharp'

export type PhotoName = keyof typeof make

/** Part of the directory's name: another number where the pictures are made in another way. */
const VERSION = 5

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

type Make = (given?: string) => Promise<Buffer>

const make = {
  'jpeg-12mp': () => draw(SIDES_12MP, (image) => image.jpeg(CAMERA)),
  'progressive-12mp': async (given?: string): Promise<Buffer> =>
    sharp(await findPhoto('jpeg-12mp', given))
      .keepExif()
      .jpeg({ ...CAMERA, quality: given ? 95 : CAMERA.quality, progressive: true })
      .toBuffer(),
  'jpeg-2mp': () => draw(SIDES_2MP, (image) => image.jpeg(CAMERA)),
  'png-12mp': () => draw(SIDES_12MP, (image) => image.png({ adaptiveFiltering: true })),
  'png-12mp-unfiltered': () => draw(SIDES_12MP, (image) => image.png({ adaptiveFiltering: false })),
  'png-12mp-rgba': () => draw(SIDES_12MP, (image) => withSoftEdge(image).png({ adaptiveFiltering: true })),
  'png-2mp': () => draw(SIDES_2MP, (image) => image.png({ adaptiveFiltering: true })),
  'png-screenshot': () => drawScreenshot().png({ adaptiveFiltering: true }).toBuffer(),
  'webp-2mp': () => draw(SIDES_2MP, (image) => image.webp()),
  'webp-12mp': () => draw(SIDES_12MP, (image) => image.webp()),
  'p3-12mp': () => draw(SIDES_12MP, (image) => image.withIccProfile('p3').jpeg(CAMERA)),
} satisfies Record<string, Make>

const CAMERA = { quality: 90, chromaSubsampling: '4:2:0' } as const

/** Fades to nothing towards the right. */
const withSoftEdge = (image: Sharp) =>
  image.ensureAlpha().composite([
    {
      input: Buffer.from(
        '<svg xmlns="http://www.w3.org/2000/svg" width="4032" height="3024"><linearGradient id="fade"><stop offset="0.7"/><stop offset="1" stop-opacity="0"/></linearGradient><rect width="100%" height="100%" fill="url(#fade)"/></svg>',
      ),
      blend: 'dest-in',
    },
  ])

/** Windows of text on plain colours, 2560x1600. */
function drawScreenshot(): Sharp {
  const lines = Array.from(
    { length: 70 },
    (_, i) =>
      `<text x="${60 + 900 * (i % 2)}" y="${120 + 20 * i}">${'const line = read(file) // '.repeat(2)}${i}</text>`,
  )
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="2560" height="1600" font-family="monospace" font-size="16">
    <rect width="100%" height="100%" fill="#20242c"/><rect x="40" y="60" width="1800" height="1480" fill="#fdfdfd"/>
    <rect x="1900" y="60" width="600" height="700" fill="#dfe7f5"/>${lines.join('')}</svg>`
  return sharp(Buffer.from(svg)).removeAlpha()
}

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
