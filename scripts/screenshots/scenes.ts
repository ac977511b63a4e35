import sharp from 'sharp'

/** A landscape drawn in code, so that the pictures of the README can be made anywhere. */
type Scene = {
  name: string
  width: number
  height: number
  sky: readonly string[]
  /** Ridges from far to near. */
  hills: readonly string[]
  /** Centre and radius as shares of width and height. */
  sun?: { x: number; y: number; radius: number; colour: string }
  water?: string
  stars?: true
  trees?: string
}

export const SCENES: readonly Scene[] = [
  {
    name: 'Morning above the valley.jpg',
    width: 1600,
    height: 1200,
    sky: ['#8fb7d4', '#f3d9b8', '#f7c79a'],
    hills: ['#b9c3cc', '#8fa3ac', '#5f7f85', '#37585b', '#1d3636'],
    sun: { x: 0.68, y: 0.36, radius: 0.05, colour: '#fff4d9' },
  },
  {
    name: 'Lake at dusk.jpg',
    width: 1600,
    height: 1067,
    sky: ['#27355f', '#8a5f87', '#f2a07b', '#fbd9a3'],
    hills: ['#6d5a7e', '#43406a'],
    water: '#5f5580',
    sun: { x: 0.4, y: 0.5, radius: 0.06, colour: '#ffe2ad' },
  },
  {
    name: 'Spruces.jpg',
    width: 1200,
    height: 1600,
    sky: ['#dfe7e6', '#c5d4d2', '#a7bdb9'],
    hills: ['#a9bdb8', '#7d9a92', '#4f736a'],
    trees: '#17332d',
  },
  {
    name: 'Night walk.jpg',
    width: 1600,
    height: 1200,
    sky: ['#0a1024', '#16233f', '#2c4058'],
    hills: ['#1a2a3f', '#111d2d', '#090f19'],
    sun: { x: 0.24, y: 0.24, radius: 0.045, colour: '#f2efe0' },
    stars: true,
  },
  {
    name: 'Dunes.jpg',
    width: 1600,
    height: 1000,
    sky: ['#5c9bc7', '#a9cde0', '#eedcc0'],
    hills: ['#e8c28f', '#dba96b', '#c58b4c', '#9d6633'],
  },
  {
    name: 'First snow.jpg',
    width: 1600,
    height: 1200,
    sky: ['#7e95ad', '#b6c4d1', '#e9e6e4'],
    hills: ['#d3dae2', '#e4e8ed', '#f3f5f7'],
    trees: '#3c4a53',
  },
  {
    name: 'Harbour light.jpg',
    width: 1600,
    height: 1067,
    sky: ['#f0b27c', '#f6d3a2', '#fbe9cf'],
    hills: ['#c79b85', '#9a7a74'],
    water: '#d6a78a',
    sun: { x: 0.72, y: 0.4, radius: 0.08, colour: '#fff3dc' },
  },
  {
    name: 'Heather in August.jpg',
    width: 1600,
    height: 1200,
    sky: ['#9db8cc', '#d7dfe2', '#efe3de'],
    hills: ['#a3a8b8', '#8c7d9c', '#855b86', '#5f3a61'],
  },
]

/** Draws a scene as a JPEG with a little grain. */
export async function draw(scene: Scene): Promise<Buffer> {
  const { width, height } = scene
  const random = numbers(scene.name)
  const grain = { type: 'gaussian', mean: 128, sigma: 9 } as const
  const noise = await sharp({ create: { width, height, channels: 3, background: '#808080', noise: grain } })
    .png()
    .toBuffer()
  return sharp(Buffer.from(toSvg(scene, random)))
    .composite([{ input: noise, blend: 'soft-light' }])
    .jpeg({ quality: 88 })
    .toBuffer()
}

function toSvg(scene: Scene, random: () => number): string {
  const { width, height, sky, hills, sun, water, stars, trees } = scene
  const stops = sky.map((colour, i) => `<stop offset="${i / (sky.length - 1)}" stop-color="${colour}"/>`)
  const parts = [`<rect width="${width}" height="${height}" fill="url(#sky)"/>`]
  if (stars)
    for (let i = 0; i < 160; i++)
      parts.push(
        `<circle cx="${random() * width}" cy="${random() * height * 0.6}" r="${0.6 + random() * 1.6}" fill="#fff" opacity="${0.3 + random() * 0.7}"/>`,
      )
  if (sun) {
    const at = `cx="${sun.x * width}" cy="${sun.y * height}" fill="${sun.colour}"`
    const radius = sun.radius * width
    parts.push(
      `<circle ${at} r="${radius * 3}" opacity="0.35" filter="url(#glow)"/><circle ${at} r="${radius}"/>`,
    )
  }
  hills.forEach((colour, i) => {
    const top = water ? 0.42 + i * 0.07 : 0.42 + (i * 0.46) / hills.length
    parts.push(`<path d="${ridge(scene, top, 0.09 - i * 0.008, random)}" fill="${colour}"/>`)
  })
  if (water)
    parts.push(
      `<rect y="${height * 0.62}" width="${width}" height="${height * 0.38}" fill="${water}"/>`,
      `<rect y="${height * 0.62}" width="${width}" height="${height * 0.38}" fill="url(#sky)" opacity="0.45"/>`,
    )
  if (trees) for (let i = 0; i < 26; i++) parts.push(tree(scene, trees, random))
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <defs><linearGradient id="sky" x2="0" y2="1">${stops.join('')}</linearGradient>
    <filter id="glow" x="-1" y="-1" width="3" height="3"><feGaussianBlur stdDeviation="${width * 0.03}"/></filter></defs>
    ${parts.join('')}</svg>`
}

/** The outline of a range of hills: waves of halving length and height. */
function ridge({ width, height }: Scene, top: number, rise: number, random: () => number): string {
  const waves = [1, 2, 4, 8, 16].map((times) => ({ times: times * (0.8 + random()), phase: random() * 7 }))
  const points: string[] = []
  for (let x = 0; x <= width; x += 8) {
    const wave = waves.reduce(
      (sum, { times, phase }, i) => sum + Math.sin((x / width) * 5 * times + phase) / 2 ** i,
      0,
    )
    points.push(`${x},${height * (top - rise * 0.6 * wave)}`)
  }
  return `M0,${height} L${points.join(' L')} L${width},${height} Z`
}

function tree({ width, height }: Scene, colour: string, random: () => number): string {
  const tall = height * (0.16 + random() * 0.3)
  const [x, foot] = [random() * width, height * (0.94 + random() * 0.12)]
  const layers = [0, 1, 2, 3, 4].map((i) => {
    const half = tall * (0.07 + i * 0.035)
    const [y, end] = [foot - tall + tall * 0.17 * i, foot - tall + tall * (0.3 + 0.175 * i)]
    return `M${x},${y} L${x + half},${end} L${x - half},${end} Z`
  })
  return `<path d="${layers.join(' ')}" fill="${colour}" opacity="${0.75 + random() * 0.25}"/>`
}

/** The same numbers from 0 to 1 for the same name (mulberry32). */
function numbers(name: string): () => number {
  let state = [...name].reduce((sum, char) => (sum * 31 + (char.codePointAt(0) ?? 0)) | 0, 7)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
