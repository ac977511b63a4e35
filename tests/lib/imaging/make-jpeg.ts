/** Writes JPEG of whole blocks in one colour: enough for the kinds that Jimp cannot write. */
type JpegOptions = {
  width: number
  height: number
  /** The samples of the block at a column and row of blocks: 1, 3 (YCbCr) or 4 (CMYK) values. */
  block: (column: number, row: number) => readonly number[]
  components?: 1 | 3 | 4
  /** The start-of-frame marker: 0xc0 baseline, 0xc1 extended, 0xc2 progressive, 0xc9 arithmetic. */
  frame?: number
  precision?: number
  /** Adobe segment with this colour transform; none when undefined. */
  adobe?: number
  /** How often the scan is written. */
  scans?: number
}

const segment = (marker: number, content: number[]) => [
  0xff,
  marker,
  (content.length + 2) >> 8,
  (content.length + 2) & 255,
  ...content,
]

/** Twelve DC codes of 4 bits (code = category), and one AC code: the single bit 0 ends a block. */
const DC_TABLE = [0x00, 0, 0, 0, 12, ...new Array(12).fill(0), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
const AC_TABLE = [0x10, 1, ...new Array(15).fill(0), 0]

export function makeJpeg(options: JpegOptions): Buffer {
  const { width, height, components = 3, frame = 0xc0, precision = 8, adobe, scans = 1 } = options
  const ids = Array.from({ length: components }, (_, i) => i + 1)
  const progressive = frame === 0xc2
  const scan = [
    ...segment(0xda, [components, ...ids.flatMap((id) => [id, 0]), 0, progressive ? 0 : 63, 0]),
    ...entropyCoded(options, components, progressive),
  ]
  const adobeSegment = segment(0xee, [...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, adobe ?? 0])
  const sides = [height >> 8, height & 255, width >> 8, width & 255]
  const head = [
    ...[0xff, 0xd8],
    ...(adobe === undefined ? [] : adobeSegment),
    // Quantised by 8, a DC coefficient is the sample itself, less 128.
    ...segment(0xdb, [0, ...new Array(64).fill(8)]),
    ...segment(frame, [precision, ...sides, components, ...ids.flatMap((id) => [id, 0x11, 0])]),
    ...segment(0xc4, [...DC_TABLE, ...AC_TABLE]),
  ]
  const body = Array.from({ length: scans }, () => Buffer.from(scan))
  return Buffer.concat([Buffer.from(head), ...body, Buffer.from([0xff, 0xd9])])
}

function entropyCoded(
  { width, height, block }: JpegOptions,
  components: number,
  progressive: boolean,
): number[] {
  const bits: number[] = []
  const put = (value: number, count: number) => {
    for (let i = count - 1; i >= 0; i--) bits.push((value >> i) & 1)
  }
  const previous = new Array<number>(components).fill(128)
  for (let row = 0; row < Math.ceil(height / 8); row++) {
    for (let column = 0; column < Math.ceil(width / 8); column++) {
      const samples = block(column, row)
      for (let i = 0; i < components; i++) {
        const sample = samples[i] ?? 0
        const difference = sample - (previous[i] ?? 0)
        previous[i] = sample
        const category = 32 - Math.clz32(Math.abs(difference))
        put(category, 4)
        put(difference < 0 ? difference - 1 : difference, category)
        if (!progressive) put(0, 1)
      }
    }
  }
  while (bits.length % 8) bits.push(1)
  const bytes: number[] = []
  for (let i = 0; i < bits.length; i += 8) {
    const byte = bits.slice(i, i + 8).reduce((value, bit) => value * 2 + bit, 0)
    bytes.push(byte)
    if (byte === 0xff) bytes.push(0)
  }
  return bytes
}
