import { allocate, allocateCleared } from '../core/memory'
import { MAX_SCANS, openBudget } from './budget'
import { component, frame, resetFrame, Status, scan, scanComponent } from './frame'
import { placeTables, TABLES_BYTES, useTable } from './huffman'
import { openLanes, useLanes } from './lanes'
import {
  nextMarker,
  quantiserAt,
  readApplication,
  readFrame,
  readHuffmanTables,
  readQuantisers,
  readRestartInterval,
  readScanHeader,
  resetTables,
  segmentEnd,
} from './markers'
import { openOutput, writeRows } from './output'
import { usePairs } from './pairs'
import { placeQuantiser } from './place'
import { sampleAddress, writeSamples } from './samples'
import { readScan } from './scan'
import { useSkips } from './skips'
import { useStandardTable } from './standard-tables'
import { placeStream, skipScan, streamSize } from './stream'

/** Positions in the data are counted in bits, in 32 bits. */
const MOST_BYTES: usize = 1 << 28

/** What one part of a picture may take; addresses have 32 bits, and sides 16. */
const MOST_PART: u64 = 0xf0000000

let scans: u32 = 0

/**
 * Decodes the JPEG of `length` bytes at `source`, at `scale` eighths of its sides: 1, 2, 4 or 8; with `halfColours` colours may
 * have half the resolution of that. Returns a `Status`; then `outputAddress()` and the like say where the pixels are.
 */
export function decode(source: usize, length: usize, scale: u32, halfColours: bool): i32 {
  if (length > MOST_BYTES) return Status.OUT_OF_MEMORY
  resetFrame()
  resetTables()
  frame.scale = scale
  frame.halfColours = halfColours
  frame.at = source + 2
  frame.end = source + length
  scans = 0
  const tables = allocate(TABLES_BYTES)
  if (!tables) return Status.OUT_OF_MEMORY
  placeTables(tables)
  const status = readSegments()
  if (status != Status.OK) return status
  if (!scans) return Status.DAMAGED
  if (!frame.direct) writePicture()
  return Status.OK
}

/** Reads all segments (T.81, B.2), to the end of the picture or of the source. */
function readSegments(): i32 {
  while (true) {
    const marker = nextMarker()
    if (marker == 0 || marker == 0xd9) return Status.OK
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue
    const end = segmentEnd()
    if (!end) return Status.OK
    const at = frame.at + 2
    frame.at = end
    const status = readSegment(marker, at, end)
    if (status != Status.OK) return status
    if (frame.direct && scans) return Status.OK
  }
}

function readSegment(marker: u32, at: usize, end: usize): i32 {
  if (marker == 0xc4) return readHuffmanTables(at, end)
  if (marker == 0xdb) return readQuantisers(at, end)
  if (marker == 0xdd) return readRestartInterval(at, end)
  if (marker == 0xda) return beginScan(at, end)
  if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc8) return readFrame(marker, at, end)
  readApplication(marker, at, end)
  return Status.OK
}

function beginScan(at: usize, end: usize): i32 {
  let status = readScanHeader(at, end)
  if (status != Status.OK) return status
  if (++scans > MAX_SCANS) return Status.TOO_MANY_SCANS
  if (scans == 1) {
    status = openPicture()
    if (status != Status.OK) return status
  }
  // Nothing of the band is needed at this scale; only bands that reach below count, but of those all coefficients.
  if (frame.progressive && scan.spectralStart && !scanComponent(0).lastNeeded) {
    frame.at = skipScan(frame.at, frame.end)
    return Status.OK
  }
  status = takeTables()
  return status == Status.OK ? readScan(scans == 1) : status
}

/** Allocates what the first scan shows to be needed. */
function openPicture(): i32 {
  frame.direct = !frame.progressive && scan.components == frame.components
  if (<u64>frame.outputWidth * frame.outputHeight * 4 > MOST_PART) return Status.OUT_OF_MEMORY
  openBudget()
  const size = streamSize(frame.end - frame.at)
  const stream = allocate(size)
  if (!stream || !openOutput() || (frame.scale == 1 && !openLanes())) return Status.OUT_OF_MEMORY
  placeStream(stream, frame.end - frame.at)
  for (let i: u32 = 0; i < frame.components; i++) {
    const member = component(i)
    const sent = quantiserAt(member.quantiserId)
    if (!load<u16>(sent)) return Status.DAMAGED
    member.quantiser = allocate(144)
    if (!member.quantiser) return Status.OUT_OF_MEMORY
    placeQuantiser(member, sent, member.quantiser)
    if (frame.direct) continue
    const blocks = <u64>member.paddedWide * member.paddedHigh
    if (blocks * member.blockBytes > MOST_PART) return Status.OUT_OF_MEMORY
    member.coefficients = allocateCleared(<usize>(blocks * member.blockBytes))
    member.masks = allocateCleared(<usize>(blocks * 8))
    if (!member.coefficients || !member.masks) return Status.OUT_OF_MEMORY
  }
  return Status.OK
}

/** Finds the Huffman tables that the scan names and needs. */
function takeTables(): i32 {
  let blocks: u32 = 0
  for (let i: u32 = 0; i < scan.components; i++) {
    const member = scanComponent(i)
    blocks += member.h * member.v
    const needsDc = !frame.progressive || (scan.spectralStart == 0 && scan.successiveHigh == 0)
    const needsAc = !frame.progressive || scan.spectralStart > 0
    member.dc = needsDc ? tableOf(0, member.dcId) : 0
    member.ac = needsAc ? tableOf(1, member.acId) : 0
    if ((needsDc && !member.dc) || (needsAc && !member.ac)) return Status.DAMAGED
    if (!frame.progressive && member.lastNeeded < 63) useSkips(member.ac)
    if (!frame.progressive && member.lastNeeded > 0) usePairs(member.ac)
  }
  // T.81, B.2.3; `stream.ts` and `lanes.ts` count on it.
  if (scan.components > 1 && blocks > 10) return Status.DAMAGED
  if (frame.direct && frame.scale == 1) useLanes()
  return Status.OK
}

function tableOf(isAc: u32, id: u32): usize {
  const sent = useTable(isAc, id)
  return sent || frame.progressive ? sent : useStandardTable(isAc, id)
}

/** Makes the picture from all coefficients. */
function writePicture(): void {
  for (let unitRow: u32 = 0; unitRow < frame.unitsHigh; unitRow++) {
    for (let i: u32 = 0; i < frame.components; i++) {
      const member = component(i)
      for (let y: u32 = 0; y < member.v; y++) {
        let block = member.coefficients + (unitRow * member.v + y) * member.paddedWide * member.blockBytes
        let to = sampleAddress(member, unitRow, 0, y)
        for (let column: u32 = 0; column < member.paddedWide; column++) {
          writeSamples(member, block, member.lastNeeded, to)
          block += member.blockBytes
          to += member.scale
        }
      }
    }
    writeRows(unitRow)
  }
}

/** Where the pixels of the last `decode` are: RGBA, row by row. */
export function outputAddress(): usize {
  return frame.output
}

/** Width of the last `decode`, in px. */
export function outputWidth(): u32 {
  return frame.outputWidth
}

/** Height of the last `decode`, in px. */
export function outputHeight(): u32 {
  return frame.outputHeight
}
