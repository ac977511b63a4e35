/** What the headers said (T.81, B.2.2), and where its data lies. Records at fixed addresses: nothing here allocates objects. */

export const MAX_COMPONENTS: u32 = 4

/** Rows of units in a ring of samples: where colours are interpolated, those above and below are needed too. */
export const RING_UNITS: u32 = 3

/** One component of the picture: its sampling factors, its tables, and its samples at the scale of the decode. */
@unmanaged
export class Component {
  id: u32
  h: u32
  v: u32
  /** Ids of its tables, in the frame and in the current scan. */
  quantiserId: u32
  dcId: u32
  acId: u32
  /** Multipliers as i16, placed as coefficients in a block are; taken over when the first scan starts. */
  quantiser: usize
  /** Huffman tables of the current scan. */
  dc: usize
  ac: usize
  /** Side of what its 8x8 blocks become: 8, 4, 2 or 1; twice that of the frame where that saves enlarging it (`markers.ts`). */
  scale: u32
  /** Its samples across and down per unit of `hMax` and `vMax`: `h` and `v`, doubled where its scale is. */
  across: u32
  down: u32
  /** Where in a block of `scale` squared coefficients the k-th that is sent goes, in bytes; what is left out goes behind. */
  place: usize
  blockBytes: usize
  /** The last coefficient, as sent, that is needed. */
  lastNeeded: u32
  /** Blocks that hold samples, and those of whole units of all components. */
  blocksWide: u32
  blocksHigh: u32
  paddedWide: u32
  paddedHigh: u32
  /** Samples. */
  width: u32
  height: u32
  /** A ring of rows of samples: row y lies at `plane + (y % rows) * stride`. */
  plane: usize
  stride: u32
  rows: u32
  /** One row for the output, enlarged to the width of the picture. */
  line: usize
  /** That row, or the row of the ring itself where nothing had to be enlarged. */
  current: usize
  /** Twice as wide: sums of two rows on the way there. */
  sums: usize
  /** Of a picture in several scans: all coefficients, block after block, and a bit for each that is not zero. */
  coefficients: usize
  masks: usize
  prediction: i32
}

@unmanaged
export class Frame {
  width: u32
  height: u32
  progressive: bool
  components: u32
  hMax: u32
  vMax: u32
  /** Units of all components (T.81, A.2.3). */
  unitsWide: u32
  unitsHigh: u32
  /** Side of what an 8x8 block becomes in the output: 8, 4, 2 or 1. */
  scale: u32
  /** Whether colours may have half the resolution of the output. */
  halfColours: bool
  /** Whether samples are made as blocks come in, for the only scan; else all coefficients are kept. */
  direct: bool
  restartInterval: u32
  jfif: bool
  adobe: bool
  adobeTransform: u32
  outputWidth: u32
  outputHeight: u32
  output: usize
  /** The source: the next byte, and behind its last. */
  at: usize
  end: usize
}

export const frame = changetype<Frame>(memory.data(128))

const COMPONENT_BYTES: usize = 128
const componentRecords = memory.data(512)

/** A component of the frame, by its place. */
export function component(index: u32): Component {
  return changetype<Component>(componentRecords + index * COMPONENT_BYTES)
}

/** The components of the current scan, in its order, and its parameters (T.81, B.2.3). */
@unmanaged
export class Scan {
  components: u32
  spectralStart: u32
  spectralEnd: u32
  successiveHigh: u32
  successiveLow: u32
}

export const scan = changetype<Scan>(memory.data(32))
const scanComponents = memory.data(16)

/** A component of the scan, by its place. */
export function scanComponent(index: u32): Component {
  return changetype<Component>(load<usize>(scanComponents + index * 4))
}

/** Has the scan hold a component at a place. */
export function setScanComponent(index: u32, member: Component): void {
  store<usize>(scanComponents + index * 4, changetype<usize>(member))
}

/** Forgets the last picture. */
export function resetFrame(): void {
  memory.fill(changetype<usize>(frame), 0, offsetof<Frame>())
  memory.fill(componentRecords, 0, COMPONENT_BYTES * MAX_COMPONENTS)
}

/** What a decode ends with; `lib/imaging/decode/jpeg.ts` says it in words. */
export namespace Status {
  export const OK = 0
  export const DAMAGED = 1
  export const UNSUPPORTED = 2
  export const OUT_OF_MEMORY = 3
  export const TOO_MANY_SCANS = 4
  export const INCOMPLETE = 5
  export const TOO_MUCH_WORK = 6
}

/** The quotient, rounded up. */
export function ceilDiv(value: u32, by: u32): u32 {
  return (value + by - 1) / by
}
