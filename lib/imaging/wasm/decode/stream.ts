/**
 * Entropy-coded bytes of one interval, with the stuffing (T.81, B.1.1.5) taken out and in reverse order: the first byte
 * lies right below `top`. So eight bytes loaded anywhere are 64 bits with the earliest on top, and a reader's whole state
 * is the number of bits it has read.
 */
let top: usize = 0
let bits: u32 = 0

/**
 * Bytes behind the end that readers may reach, which are zero. They check their position once a unit, whose 10 blocks at
 * most have 64 codes with values of 31 bits at most: 2,480 bytes; lanes once a block.
 */
const OVERRUN: usize = 4096

/** From `zeroStart` up to `zeroEnd` all bytes are zero. */
let zeroStart: usize = 0
let zeroEnd: usize = 0

/** Bytes that a stream for `bytes` bytes of source takes. */
export function streamSize(bytes: usize): usize {
  return bytes + OVERRUN + 64
}

/** Lays the stream for up to `bytes` bytes of source at an address with room for `streamSize`. */
export function placeStream(address: usize, bytes: usize): void {
  top = address + OVERRUN + bytes + 32
  zeroStart = zeroEnd = top
}

/** The address that the first byte lies right below. */
export function streamTop(): usize {
  return top
}

/** Length of the interval in bits. A reader beyond it has read what is not there. */
export function streamBits(): u32 {
  return bits
}

/** The 57 or more bits from position `p` on, the first on top. */
export function window(top: usize, p: u32): u64 {
  return load<u64>(top - 8 - (p >> 3)) << (p & 7)
}

/**
 * Takes over entropy-coded bytes up to the next marker; returns the marker's address, or `end`. A byte of source becomes
 * one byte at most, so `streamSize` is enough.
 */
export function fillStream(from: usize, end: usize): usize {
  let at = from
  let to = top
  while (at < end) {
    while (at + 16 <= end) {
      const bytes = v128.load(at)
      v128.store(
        to - 16,
        v128.shuffle<i8>(bytes, bytes, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
      )
      const marks = i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(-1)))
      const count = marks ? ctz(marks) : 16
      at += count
      to -= count
      if (marks) break
    }
    if (at >= end) break
    const byte = load<u8>(at)
    if (byte != 0xff) {
      store<u8>(--to, byte)
      at++
      continue
    }
    const next: i32 = at + 1 < end ? load<u8>(at + 1) : -1
    if (next == 0) {
      store<u8>(--to, 0xff)
      at += 2
    } else if (next == 0xff) at++
    else break
  }
  bits = (<u32>(top - to)) << 3
  endStream(to)
  return at
}

/**
 * Makes what lies behind the end zero, so that damaged data reads the same whatever was in memory before. What is zero
 * already stays: intervals of like lengths cost a few bytes each.
 */
function endStream(end: usize): void {
  const start = end - OVERRUN
  // `fillStream` writes up to 16 bytes beyond the end.
  const known = min(zeroEnd, end - 16)
  if (known > max(zeroStart, start)) {
    memory.fill(known, 0, end - known)
    if (start < zeroStart) memory.fill(start, 0, zeroStart - start)
    zeroStart = min(zeroStart, start)
  } else {
    memory.fill(start, 0, OVERRUN)
    zeroStart = start
  }
  zeroEnd = end
}

/** The address of the next marker that is not a restart, or `end`: passes over a scan without reading it. */
export function skipScan(from: usize, end: usize): usize {
  let at = from
  while (at < end) {
    if (at + 16 <= end) {
      const marks = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(-1)))
      at += marks ? ctz(marks) : 16
      if (!marks) continue
    }
    if (load<u8>(at) != 0xff) {
      at++
      continue
    }
    const next: i32 = at + 1 < end ? load<u8>(at + 1) : -1
    if (next == 0xff) at++
    else if (next == 0 || (next >= 0xd0 && next <= 0xd7)) at += 2
    else break
  }
  return min(at, end)
}
