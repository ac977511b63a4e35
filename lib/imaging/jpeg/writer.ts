/** Collects the bytes of a JPEG: marker segments, then entropy-coded bits. */
export type Writer = {
  marker(code: number): void
  segment(code: number, content: readonly number[]): void
  /** Appends the lowest `count` (at most 16) bits of `value`. */
  bits(value: number, count: number): void
  /** Pads the last byte with ones, ends the image and returns it. */
  finish(): Buffer
}

/** Opens a writer; `expected` bytes are reserved, and more when they are needed. */
export function openWriter(expected: number): Writer {
  let bytes = Buffer.allocUnsafe(Math.max(2048, expected))
  let length = 0
  let [window, windowBits] = [0, 0]

  const push = (byte: number) => {
    if (length === bytes.length) {
      const larger = Buffer.allocUnsafe(bytes.length * 2)
      bytes.copy(larger)
      bytes = larger
    }
    bytes[length++] = byte
  }

  const bits = (value: number, count: number) => {
    window = (window << count) | value
    windowBits += count
    while (windowBits >= 8) {
      windowBits -= 8
      const byte = (window >> windowBits) & 255
      push(byte)
      // A byte that looks like the start of a marker is followed by a zero (T.81, F.1.2.3).
      if (byte === 255) push(0)
    }
    window &= 255
  }

  const marker = (code: number) => {
    push(255)
    push(code)
  }

  return {
    marker,
    segment(code, content) {
      marker(code)
      push((content.length + 2) >> 8)
      push((content.length + 2) & 255)
      for (const byte of content) push(byte)
    },
    bits,
    finish() {
      if (windowBits > 0) bits((1 << (8 - windowBits)) - 1, 8 - windowBits)
      marker(0xd9)
      return bytes.subarray(0, length)
    },
  }
}
