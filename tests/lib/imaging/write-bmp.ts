export type BmpFields = {
  bits: number
  compression?: number
  topDown?: boolean
  /** Bytes of the second header: 12 is version 2, 40 version 3, 108 version 4, others are OS/2's. */
  headerBytes?: number
  /** Behind a header of version 3, in one of version 4. */
  masks?: number[]
  palette?: number[][]
  /** Where the header says that the pixels are, if not where they are. */
  offset?: number
  gap?: number
}

/** A BMP of 3x2 with the rows given. */
export function makeBmp(rows: string, fields: BmpFields) {
  const {
    bits,
    compression = 0,
    topDown = false,
    headerBytes = 40,
    masks = [],
    palette = [],
    gap = 0,
  } = fields
  const core = headerBytes === 12
  const entry = ([red = 0, green = 0, blue = 0]: number[]) => [blue, green, red, 0].slice(0, core ? 3 : 4)
  const tables = Buffer.from(palette.flatMap(entry))
  const head = Buffer.alloc(14 + Math.max(headerBytes, 64))
  head.write('BM')
  head.writeUInt32LE(headerBytes, 14)
  head.writeInt32LE(3, 18)
  head.writeInt32LE(topDown ? -2 : 2, core ? 20 : 22)
  head.writeUInt16LE(bits, core ? 24 : 28)
  head.writeUInt32LE(compression, 30)
  head.writeUInt32LE(palette.length, 46)
  for (const [i, mask] of masks.entries()) head.writeUInt32LE(mask, 54 + i * 4)
  const end = headerBytes === 40 ? 54 + masks.length * 4 : 14 + headerBytes
  head.writeUInt32LE(fields.offset ?? end + tables.length + gap, 10)
  const pixels = Buffer.from(rows.replaceAll(' ', ''), 'hex')
  return Buffer.concat([head.subarray(0, end), tables, Buffer.alloc(gap, 0x77), pixels])
}
