import { Jimp } from 'jimp'

/** A JPEG of 4000x3000 px, about as hard to decode as a photograph: slopes with a grain that repeats at every run. */
export async function bigPhoto(): Promise<Buffer> {
  const [width, height] = [4000, 3000]
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
