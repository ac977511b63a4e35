import { Jimp, rgbaToInt } from 'jimp'

type Mime = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/bmp'

/** Six sample photos made in code: sizes, formats and an orientation that differ, and one that is broken. */
export async function samplePhotos(): Promise<{ name: string; data: Uint8Array }[]> {
  const landscape = await draw(1600, 1200, 'image/jpeg')
  return [
    { name: 'landscape.jpg', data: landscape },
    { name: 'portrait.png', data: await draw(600, 900, 'image/png') },
    { name: 'panorama.bmp', data: await draw(1200, 200, 'image/bmp') },
    { name: 'tiny.gif', data: await draw(48, 32, 'image/gif') },
    { name: 'rotated.jpg', data: withOrientation(await draw(800, 600, 'image/jpeg'), 6) },
    { name: 'broken.jpg', data: landscape.subarray(0, landscape.length / 8) },
  ]
}

/** A sunset: a sky that fades, a sun, a sea. */
async function draw(width: number, height: number, mime: Mime): Promise<Buffer> {
  const image = new Jimp({ width, height })
  const sun = { x: width * 0.7, y: height * 0.45, radius: Math.min(width, height) * 0.16 }
  image.scan((x, y) => {
    const down = y / height
    const inSun = (x - sun.x) ** 2 + (y - sun.y) ** 2 < sun.radius ** 2
    const wave = Math.round(12 * Math.sin(x / 17 + y / 5))
    const sea = [20 + wave, 70 + wave, Math.round(110 + 60 * down)] as const
    const sky = [
      Math.round(60 + 190 * down),
      Math.round(90 + 60 * down),
      Math.round(160 - 60 * down),
    ] as const
    const [red, green, blue] = down > 0.6 ? sea : inSun ? ([255, 214, 120] as const) : sky
    image.setPixelColor(rgbaToInt(red, green, blue, 255), x, y)
  })
  return image.getBuffer(mime)
}

/** Puts an EXIF block with only an orientation (1..8) behind the start of a JPEG. */
function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  const tiff = Buffer.from('4d4d002a00000008000101120003000000010000000000000000', 'hex')
  tiff.writeUInt16BE(orientation, 18)
  const payload = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff])
  const header = Buffer.from([0xff, 0xe1, 0, payload.length + 2])
  return Buffer.concat([jpeg.subarray(0, 2), header, payload, jpeg.subarray(2)])
}
