/** A zlib stream (RFC 1950), and how far it was read. Behind its bytes lie `PADDING` zeros. */
@unmanaged
export class Stream {
  /** The next byte that is not in `bits` yet. */
  at: usize
  end: usize
  /** `TAKEN` bits that mean nothing, then the next ones, the first lowest: `count` in all. Above may be some that lie at `at`. */
  bits: u64
  count: u32
  /** Of the block: its tables, 0 outside of blocks that have codes, and the bytes left of a stored one. */
  literals: usize
  distances: usize
  stored: u32
  isLast: bool
  /** The last block has ended, the data ran out, or breaks the rules. */
  ended: bool
  /** How many more blocks may bring their own codes: building tables takes longer than reading a short block. */
  blocksLeft: u32
}

export const stream = changetype<Stream>(memory.data(64))

/** So the next bits of a code, when all others are masked out, are the offset of an entry of 4 bytes. */
export const TAKEN: u32 = 2

/** A check of the position is followed by two refills at most, of 8 bytes each, from up to 8 bytes beyond the end. */
export const PADDING: usize = 64

/** Encoders make blocks of kilobytes: so many are for small pictures, and then one for so many bytes. */
const FREE_BLOCKS: u32 = 1000
const BLOCK_BYTES: u32 = 64

/** Begins a stream; whatever is wrong with its header ends it (RFC 1950, 2.2). */
export function openStream(at: usize, length: usize): void {
  const header = length < 2 ? 0 : ((<u32>load<u8>(at)) << 8) | load<u8>(at, 1)
  const isDeflate = (header & 0x0f00) == 0x0800 && header >> 12 <= 7
  const hasDictionary = (header & 0x20) != 0
  memory.fill(changetype<usize>(stream), 0, offsetof<Stream>())
  memory.fill(at + length, 0, PADDING)
  stream.at = at + 2
  stream.end = at + length
  stream.count = TAKEN
  stream.ended = !isDeflate || hasDictionary || header % 31 != 0
  stream.blocksLeft = FREE_BLOCKS + <u32>length / BLOCK_BYTES
}

/** Brings the bits, those taken included, to at least 56. */
export function refill(): void {
  stream.bits |= load<u64>(stream.at) << stream.count
  stream.at += (63 - stream.count) >> 3
  stream.count |= 56
}

/** Takes up to 16 of the bits that are there. */
export function take(count: u32): u32 {
  const value = (<u32>stream.bits >> TAKEN) & ((1 << count) - 1)
  stream.bits >>= count
  stream.count -= count
  return value
}

/** Whether bits were taken that lie behind the end. */
export function isBeyondEnd(): bool {
  return stream.at - ((stream.count - TAKEN) >> 3) > stream.end
}

/** Gives up the rest of a byte, and takes no more bits ahead. */
export function alignToByte(): void {
  stream.at -= (stream.count - TAKEN) >> 3
  stream.bits = 0
  stream.count = TAKEN
}
