type Frame = {
  at?: [number, number]
  size: [number, number]
  flags?: number
  /** In the order in which they are sent; `clear` and `end` are theirs of the code size. */
  codes: (number | 'clear' | 'end')[]
  codeSize?: number
  transparent?: number
  /** What follows the data: by default the empty block and the trailer. */
  rest?: number[]
}

const u16 = (...values: number[]) => values.flatMap((value) => [value & 255, value >> 8])

/** A GIF of four colours (black, red, green, blue) with any codes. */
export function makeGif(screen: [number, number], frame: Frame): Buffer {
  const { at = [0, 0], size, flags = 0, codeSize = 2, transparent, rest = [0, 0x3b] } = frame
  const palette = [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]
  const control = transparent === undefined ? [] : [0x21, 0xf9, 4, 1, 0, 0, transparent, 0]
  const data = pack(frame.codes, codeSize)
  const blocks = []
  for (let start = 0; start < data.length; start += 255) {
    const block = data.slice(start, start + 255)
    blocks.push(block.length, ...block)
  }
  return Buffer.from([
    ...Buffer.from('GIF89a'),
    ...u16(...screen),
    ...[0x81, 0, 0, ...palette],
    ...control,
    ...[0x2c, ...u16(...at, ...size), flags, codeSize],
    ...blocks,
    ...rest,
  ])
}

/** Codes from the lowest bit on, each as wide as the decoder's table has become by then. */
function pack(codes: Frame['codes'], codeSize: number): number[] {
  const clear = 1 << codeSize
  let [width, used, isFirst, written] = [codeSize + 1, clear + 2, true, 0n]
  let bits = 0n
  for (const code of codes) {
    const value = code === 'clear' ? clear : code === 'end' ? clear + 1 : code
    bits |= BigInt(value) << written
    written += BigInt(width)
    if (code === 'clear') [width, used, isFirst] = [codeSize + 1, clear + 2, true]
    else {
      if (!isFirst) used++
      isFirst = false
      if (used >= 1 << width && width < 12) width++
    }
  }
  const hex = bits.toString(16).padStart(2 * Math.ceil(Number(written) / 8), '0')
  return [...Buffer.from(hex, 'hex')].toReversed()
}
