import { Jimp } from 'jimp'

/** Sides of the photo that shows how many bytes a pixel takes, in px. */
const TRIAL = { width: 480, height: 360 }

/** The service takes up to 50 megapixels unless it is configured otherwise. */
const MAX_PIXELS = 50_000_000

/** A JPEG of about so many bytes, four to three, about as hard to decode as a photograph: slopes with a grain. */
export async function makePhoto(bytes: number): Promise<Buffer> {
  const trial = await draw(TRIAL.width, TRIAL.height)
  const perPixel = trial.length / (TRIAL.width * TRIAL.height)
  const pixels = Math.min(bytes / perPixel, MAX_PIXELS)
  const height = Math.max(8, Math.floor(Math.sqrt((pixels * 3) / 4)))
  return draw(Math.max(8, Math.floor((height * 4) / 3)), height)
}

async function draw(width: number, height: number): Promise<Buffer> {
  const data = Buffer.alloc(width * height * 4, 255)
  let seed = 1
  for (let at = 0; at < data.length; at += 4) {
    const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)]
    seed = (seed * 48_271) % 2_147_483_647
    const grain = seed % 24
    data[at] = 100 + 60 * Math.sin(x / 97) + grain
    data[at + 1] = 100 + 60 * Math.sin(y / 61) + grain
    data[at + 2] = 100 + 60 * Math.sin((x + y) / 149) + grain
  }
  return new Jimp({ width, height, data }).getBuffer('image/jpeg', { quality: 85 })
}

const UNITS: Record<string, number> = { b: 1, kb: 1e3, mb: 1e6, kib: 1024, mib: 1024 ** 2 }

/** Bytes that a text such as `4mb`, `500kb` or `20000` says; undefined where it says none. */
export function parseSize(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? []
  const factor = UNITS[unit.toLowerCase() || 'b']
  const bytes = Math.round(Number(count) * (factor ?? Number.NaN))
  return bytes > 0 ? bytes : undefined
}
