import type { Bitmap } from './bitmap.ts'

export function isOpaque({ data }: Bitmap): boolean {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return false
  return true
}

/**
 * Mixes pixels by `mix`, each counting as much as it is opaque. Jimp counts all alike, and the colour of transparent
 * pixels, which nobody has seen, would bleed into their neighbours.
 */
export function mixByAlpha(bitmap: Bitmap, mix: (bitmap: Bitmap) => Bitmap): Bitmap {
  if (isOpaque(bitmap)) return mix(bitmap)
  const { colours, alphas } = split(bitmap)
  return join(mix(colours), mix(alphas))
}

/** Two opaque pictures: the colours on black, and the alphas as grey. */
function split({ width, height, data }: Bitmap): { colours: Bitmap; alphas: Bitmap } {
  const colours = Buffer.alloc(data.length, 255)
  const alphas = Buffer.alloc(data.length, 255)
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3] ?? 0
    for (let i = at; i < at + 3; i++) {
      colours[i] = Math.round(((data[i] ?? 0) * alpha) / 255)
      alphas[i] = alpha
    }
  }
  return { colours: { width, height, data: colours }, alphas: { width, height, data: alphas } }
}

function join({ width, height, data: colours }: Bitmap, { data: alphas }: Bitmap): Bitmap {
  const data = Buffer.alloc(colours.length)
  for (let at = 0; at < data.length; at += 4) {
    const alpha = alphas[at] ?? 0
    if (alpha === 0) continue
    for (let i = at; i < at + 3; i++) data[i] = Math.min(255, Math.round(((colours[i] ?? 0) * 255) / alpha))
    data[at + 3] = alpha
  }
  return { width, height, data }
}
