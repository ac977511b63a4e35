/** What each contender makes: a JPEG of quality 80 inside 320x320, or the four JPEGs of the project versions. */
export type Task = 'thumbnail' | 'versions'

/** How a contender, opened for so many images at a time, does a task on the bytes of a source. */
export type Contender = Partial<Record<Task, (source: Buffer) => Promise<unknown>>>

/** The sides in px of the project versions, which are never enlarged. */
const VERSIONS = [
  [2500, 2500],
  [1920, 1080],
  [700, 700],
  [150, 120],
] as const

const QUALITY = 80

/** Those that run in Node, each on `threads` cores at most; imported late, so that a process holds one of them only. */
export const contenders = { ours: openOurs, sharp: openSharp, jimp: openJimp, 'wasm-vips': openWasmVips }

async function openOurs(threads: number): Promise<Contender> {
  const { openImaging } = await import('../../../lib/imaging/index.ts')
  const { PROJECT_RECIPE, THUMBNAIL_RECIPE } = await import('../../../lib/imaging/recipe.ts')
  const imaging = openImaging({ threads, maxPixels: 50_000_000, renderTimeoutMs: 60_000 })
  return {
    thumbnail: (source) => imaging.render(source, THUMBNAIL_RECIPE),
    versions: (source) => imaging.render(source, PROJECT_RECIPE),
  }
}

async function openSharp(): Promise<Contender> {
  const { default: sharp } = await import('sharp')
  sharp.concurrency(1)
  sharp.cache(false)
  const fit = (image: import('sharp').Sharp, width: number, height: number) =>
    image
      .resize(width, height, { fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: QUALITY })
      .toBuffer()
  const toRaw = (source: Buffer) => sharp(source).autoOrient().raw().toBuffer({ resolveWithObject: true })
  return {
    thumbnail: (source) => fit(sharp(source).autoOrient(), 320, 320),
    // One decode to pixels, then each from these: faster than a clone of the pipeline for each, which decodes four times.
    versions: async (source) => {
      const { data, info } = await toRaw(source)
      const raw = { width: info.width, height: info.height, channels: info.channels }
      for (const [width, height] of VERSIONS) await fit(sharp(data, { raw }), width, height)
    },
  }
}

async function openJimp(): Promise<Contender> {
  const { Jimp } = await import('jimp')
  const decode = (source: Buffer) => Jimp.fromBuffer(source, { 'image/jpeg': { maxMemoryUsageInMB: 2048 } })
  type Decoded = Awaited<ReturnType<typeof decode>>
  const fit = (image: Decoded, w: number, h: number) =>
    image.scaleToFit({ w, h }).getBuffer('image/jpeg', { quality: QUALITY })
  return {
    thumbnail: async (source) => fit(await decode(source), 320, 320),
    versions: async (source) => {
      const image = await decode(source)
      for (const [width, height] of VERSIONS) await fit(image.clone() as Decoded, width, height)
    },
  }
}

async function openWasmVips(): Promise<Contender> {
  const { default: open } = await import('wasm-vips')
  const vips = await open({ dynamicLibraries: [] })
  vips.concurrency(1)
  vips.Cache.max(0)
  const fit = (image: import('wasm-vips').Image, width: number, height: number) => {
    const small = image.thumbnailImage(width, { height, size: 'down' })
    small.writeToBuffer('.jpg', { Q: QUALITY })
    small.delete()
  }
  return {
    thumbnail: async (source) => {
      const small = vips.Image.thumbnailBuffer(source, 320, { height: 320, size: 'down' })
      small.writeToBuffer('.jpg', { Q: QUALITY })
      small.delete()
    },
    versions: async (source) => {
      const image = vips.Image.newFromBuffer(source).copyMemory()
      for (const [width, height] of VERSIONS) fit(image, width, height)
      image.delete()
    },
  }
}

/** Programs that answer the same lines as `runner.ts`, where the machine has them. */
export const programs: Record<
  string,
  { needs: string[]; command: string[]; can: (task: Task, file: string) => boolean }
> = {
  Pillow: {
    needs: ['python3', '-c', 'import PIL'],
    command: [
      'python3',
      '-uc',
      `
import io, os, sys, time
from PIL import Image
print('ready 0 0', flush=True)
for line in sys.stdin:
    task, path = line.rstrip('\\n').split(' ', 1)
    data = open(path, 'rb').read()
    wall, cpu = time.perf_counter(), time.process_time()
    image = Image.open(io.BytesIO(data))
    boxes = [(320, 320)] if task == 'thumbnail' else [${VERSIONS.map(([w, h]) => `(${w}, ${h})`)}]
    for box in boxes:
        small = image if task == 'thumbnail' else image.copy()
        small.thumbnail(box)
        small.save(io.BytesIO(), 'JPEG', quality=${QUALITY})
    print((time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000, 0, flush=True)`,
    ],
    can: () => true,
  },
  'djpeg -scale 1/8': {
    needs: ['djpeg', '-version'],
    command: [
      'bash',
      '-c',
      `echo ready 0 0
TIMEFORMAT='%U %S %R'
while read -r task file; do
  { time djpeg -scale 1/8 "$file" >/dev/null; } 2>&1 | awk '{ print ($1 + $2) * 1000, $3 * 1000, 0 }'
done`,
    ],
    can: (task, file) => task === 'thumbnail' && !/png|webp/.test(file),
  },
}
