/** Codes have at most 12 bits. */
const MAX_CODES = 4096

/** `written` pixels are there; `ended` says that the data end as they should, with or without all pixels. */
type Indices = { indices: Uint8Array; written: number; ended: boolean }

/**
 * Undoes the variable-length LZW of GIF89a, appendix F, from the data blocks at `start`: one colour index a pixel, at most
 * `count`. Stops at a code that does not exist, as browsers do. A code stands for a string that was written before:
 * that of the code before it, and the first index of the one after that.
 */
export function decompress(source: Buffer, start: number, codeSize: number, count: number): Indices {
  const clear = 1 << codeSize
  const indices = new Uint8Array(count)
  const starts = new Uint32Array(MAX_CODES)
  const lengths = new Uint16Array(MAX_CODES)
  let [used, bits, written] = [clear + 2, codeSize + 1, 0]
  let [previous, previousLength] = [0, 0]
  let [window, windowBits] = [0, 0]
  let at = start
  let blockEnd = start
  for (;;) {
    for (; windowBits < bits; windowBits += 8) {
      if (at === blockEnd) {
        const length = source[at++] ?? 0
        blockEnd = at + length
        if (length === 0) return { indices, written, ended: at <= source.length }
      }
      if (at >= source.length) return { indices, written, ended: false }
      window |= (source[at++] as number) << windowBits
    }
    const code = window & ((1 << bits) - 1)
    window >>>= bits
    windowBits -= bits
    if (code === clear) {
      used = clear + 2
      bits = codeSize + 1
      previousLength = 0
      continue
    }
    if (code === clear + 1) return { indices, written, ended: true }
    if (previousLength > 0 && used < MAX_CODES) {
      starts[used] = previous
      lengths[used++] = previousLength + 1
    }
    if (code >= used) return { indices, written, ended: false }
    previous = written
    if (code < clear) {
      indices[written++] = code
    } else {
      const from = starts[code] as number
      const end = Math.min(written + (lengths[code] as number), count)
      for (let offset = from - written; written < end; written++)
        indices[written] = indices[written + offset] as number
    }
    if (written === count) return { indices, written, ended: true }
    previousLength = written - previous
    if (used >= 1 << bits && bits < 12) bits++
  }
}
