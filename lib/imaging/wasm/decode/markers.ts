import {
  Component,
  ceilDiv,
  component,
  frame,
  MAX_COMPONENTS,
  Status,
  scan,
  scanComponent,
  setScanComponent,
} from './frame'
import { keepTable } from './huffman'
import { layBlocks } from './place'

/** Four tables. */
const quantisers = memory.data(512)

/** Forgets the quantisation tables of the last picture. */
export function resetTables(): void {
  memory.fill(quantisers, 0, 512)
}

function u16At(at: usize): u32 {
  return ((<u32>load<u8>(at)) << 8) | load<u8>(at, 1)
}

/** The next marker (T.81, B.1.1.2), whatever lies before it; 0 at the end of the source. */
export function nextMarker(): u32 {
  while (frame.at + 1 < frame.end) {
    if (load<u8>(frame.at++) != 0xff) continue
    const code: u32 = load<u8>(frame.at)
    if (code == 0xff || code == 0) continue
    frame.at++
    return code
  }
  return 0
}

/** The address behind the segment at `frame.at`, or 0 when the source ends before. */
export function segmentEnd(): usize {
  if (frame.at + 2 > frame.end) return 0
  const length = u16At(frame.at)
  const end = frame.at + length
  return length < 2 || end > frame.end ? 0 : end
}

/** DQT (B.2.4.1). */
export function readQuantisers(at: usize, end: usize): i32 {
  while (at < end) {
    const info: u32 = load<u8>(at++)
    const wide = info >> 4 != 0
    const id = info & 15
    if (id > 3 || info >> 4 > 1 || at + (wide ? 128 : 64) > end) return Status.DAMAGED
    for (let k: usize = 0; k < 64; k++) {
      const value = wide ? u16At(at) : <u32>load<u8>(at)
      at += wide ? 2 : 1
      if (value == 0) return Status.DAMAGED
      store<u16>(quantisers + id * 128 + k * 2, <u16>value)
    }
  }
  return Status.OK
}

/** DHT (B.2.4.2). */
export function readHuffmanTables(at: usize, end: usize): i32 {
  while (at < end) {
    if (at + 17 > end) return Status.DAMAGED
    const info: u32 = load<u8>(at++)
    let symbols: u32 = 0
    for (let i: usize = 0; i < 16; i++) symbols += load<u8>(at + i)
    if (info >> 4 > 1 || (info & 15) > 3 || symbols > 256 || at + 16 + symbols > end) return Status.DAMAGED
    if (!keepTable(info >> 4, info & 15, at, symbols)) return Status.DAMAGED
    at += 16 + symbols
  }
  return Status.OK
}

/** SOF (B.2.2). */
export function readFrame(marker: u32, at: usize, end: usize): i32 {
  if (frame.components) return Status.DAMAGED
  if (at + 6 > end) return Status.DAMAGED
  if (marker > 0xc2 || load<u8>(at) != 8) return Status.UNSUPPORTED
  frame.progressive = marker == 0xc2
  frame.height = u16At(at + 1)
  frame.width = u16At(at + 3)
  const count: u32 = load<u8>(at, 5)
  if (count != 1 && count != 3 && count != 4) return Status.UNSUPPORTED
  if (frame.height == 0 || frame.width == 0 || at + 6 + count * 3 != end) return Status.DAMAGED
  for (let i: u32 = 0; i < count; i++) {
    const member = component(i)
    const from = at + 6 + i * 3
    member.id = load<u8>(from)
    member.h = load<u8>(from, 1) >> 4
    member.v = load<u8>(from, 1) & 15
    member.quantiserId = load<u8>(from, 2)
    // A component that is alone has no factors to speak of (A.2.2).
    if (count == 1) member.h = member.v = 1
    if (member.h - 1 > 3 || member.v - 1 > 3 || member.quantiserId > 3) return Status.DAMAGED
    frame.hMax = max(frame.hMax, member.h)
    frame.vMax = max(frame.vMax, member.v)
  }
  frame.components = count
  frame.unitsWide = ceilDiv(frame.width, frame.hMax * 8)
  frame.unitsHigh = ceilDiv(frame.height, frame.vMax * 8)
  frame.outputWidth = ceilDiv(frame.width * frame.scale, 8)
  frame.outputHeight = ceilDiv(frame.height * frame.scale, 8)
  for (let i: u32 = 0; i < count; i++) measure(component(i))
  return Status.OK
}

/** Counts the blocks of a component (A.1.1, A.2), and chooses its scale. */
function measure(member: Component): void {
  // As libjpeg does: where colours have half the resolution of the picture and the scale leaves frequencies out, more of
  // theirs are kept instead of enlarging them.
  const isShared = 2 * member.h == frame.hMax && 2 * member.v == frame.vMax
  const factor: u32 = isShared && frame.scale < 8 && !frame.halfColours ? 2 : 1
  member.scale = frame.scale * factor
  member.across = member.h * factor
  member.down = member.v * factor
  layBlocks(member)
  member.blocksWide = ceilDiv(ceilDiv(frame.width * member.h, frame.hMax), 8)
  member.blocksHigh = ceilDiv(ceilDiv(frame.height * member.v, frame.vMax), 8)
  member.paddedWide = frame.unitsWide * member.h
  member.paddedHigh = frame.unitsHigh * member.v
}

/** APP0 and APP14: whether the colours are what JFIF or Adobe say. */
export function readApplication(marker: u32, at: usize, end: usize): void {
  if (marker == 0xe0 && at + 5 <= end && load<u32>(at) == 0x4649464a) frame.jfif = true
  if (marker != 0xee || at + 12 > end || load<u32>(at) != 0x626f6441 || load<u8>(at, 4) != 0x65) return
  frame.adobe = true
  frame.adobeTransform = load<u8>(at, 11)
}

/** DRI (B.2.4.4). */
export function readRestartInterval(at: usize, end: usize): i32 {
  if (at + 2 != end) return Status.DAMAGED
  frame.restartInterval = u16At(at)
  return Status.OK
}

/** A quantisation table as sent, 64 u16; the first is 0 when there is none. */
export function quantiserAt(id: u32): usize {
  return quantisers + id * 128
}

/** SOS (B.2.3): which components and coefficients come next; the tables are named in `tableIds`. */
export function readScanHeader(at: usize, end: usize): i32 {
  if (!frame.components || at + 1 > end) return Status.DAMAGED
  const count: u32 = load<u8>(at)
  if (count - 1 > MAX_COMPONENTS - 1 || at + 4 + 2 * count != end) return Status.DAMAGED
  scan.components = count
  for (let i: u32 = 0; i < count; i++) {
    const member = named(load<u8>(at + 1 + 2 * i), i)
    if (!member) return Status.DAMAGED
    const ids: u32 = load<u8>(at + 2 + 2 * i)
    if ((ids & 15) > 3 || ids >> 4 > 3) return Status.DAMAGED
    member.dcId = ids >> 4
    member.acId = ids & 15
    setScanComponent(i, member)
  }
  at += 1 + 2 * count
  scan.spectralStart = load<u8>(at)
  scan.spectralEnd = load<u8>(at, 1)
  scan.successiveHigh = load<u8>(at, 2) >> 4
  scan.successiveLow = load<u8>(at, 2) & 15
  if (!frame.progressive) return Status.OK
  const isDc = scan.spectralStart == 0
  if (scan.spectralEnd > 63 || scan.successiveLow > 13 || scan.spectralStart > scan.spectralEnd)
    return Status.DAMAGED
  return isDc ? (scan.spectralEnd == 0 ? Status.OK : Status.DAMAGED) : count == 1 ? Status.OK : Status.DAMAGED
}

/**
 * The first component of that id that is not one of the first `taken` of the scan. Some files have the same id for all
 * components; like this they are taken in the frame's order, as by libjpeg-turbo.
 */
function named(id: u32, taken: u32): Component | null {
  for (let i: u32 = 0; i < frame.components; i++) {
    const member = component(i)
    let isTaken = member.id != id
    for (let j: u32 = 0; j < taken && !isTaken; j++) isTaken = scanComponent(j) == member
    if (!isTaken) return member
  }
  return null
}
