import { allocate } from '../core/memory'
import { OVERRUN } from './block'
import { inflate } from './inflate'
import { stream } from './stream'
import { PAETH, undoPaethTwice, unfilter } from './unfilter'

/**
 * Rows of pixels from the stream. What is inflated lies in a window of memory, which moves on when it is full: what matches
 * may reach back to stays, and rows that were not read yet.
 */
const HISTORY: usize = 32_768
const CHUNK: usize = 65_536

/** Vectors reach so far beyond the end of a row at most. */
const MARGIN: usize = 64

let window: usize = 0
let limit: usize = 0
let written: usize = 0
let read: usize = 0

/** The last row, the row before it, which the caller may still hold, and one to write to. */
let last: usize = 0
let former: usize = 0
let spare: usize = 0

/** Whether `last` was made together with the row before it and has not been returned yet. */
let isWaiting = false

/** Of the picture or of a pass: bytes of a row without its filter, bytes of a pixel, at least 1, and rows that follow. */
let rowBytes: usize = 0
let step: usize = 0
let rowsLeft: u32 = 0

/** Allocates what rows of up to so many bytes take; returns whether there was memory. */
export function openRows(mostBytes: usize): bool {
  const chunk = CHUNK + 2 * (mostBytes + 1)
  window = allocate(HISTORY + chunk + OVERRUN)
  last = allocate(mostBytes + MARGIN)
  former = allocate(mostBytes + MARGIN)
  spare = allocate(mostBytes + MARGIN)
  limit = window + HISTORY + chunk
  written = window
  read = window
  return window != 0 && last != 0 && former != 0 && spare != 0
}

/** Begins a picture, or a pass of one, of rows of so many bytes; the row above its first one is all zeros. */
export function openPass(bytes: usize, bytesOfPixel: usize, rows: u32): void {
  rowBytes = bytes
  step = bytesOfPixel
  rowsLeft = rows
  isWaiting = false
  memory.fill(last, 0, bytes + MARGIN)
}

/** The next row, which stays until the one after it is read; 0 where the data ends or breaks the rules. */
export function nextRow(): usize {
  if (isWaiting) {
    isWaiting = false
    return last
  }
  if (!rowsLeft || !hasRow()) return 0
  const filter = load<u8>(read)
  const stride = rowBytes + 1
  if (filter == PAETH && rowsLeft > 1 && written - read >= 2 * stride && load<u8>(read + stride) == PAETH) {
    undoPaethTwice(read + 1, read + stride + 1, spare, former, last, rowBytes, step)
    read += 2 * stride
    rowsLeft -= 2
    const first = spare
    spare = last
    last = former
    former = first
    isWaiting = true
    return first
  }
  if (!unfilter(filter, read + 1, spare, last, rowBytes, step)) {
    rowsLeft = 0
    return 0
  }
  read += stride
  rowsLeft--
  const row = spare
  spare = former
  former = last
  last = row
  return row
}

/** Inflates until there is a whole row; returns whether there is. */
function hasRow(): bool {
  while (written - read < rowBytes + 1) {
    if (stream.ended) return false
    if (written >= limit) moveWindow()
    written = inflate(written, limit, window)
  }
  return true
}

function moveWindow(): void {
  const from = min(read, written - HISTORY)
  memory.copy(window, from, written - from)
  const by = from - window
  written -= by
  read -= by
}
