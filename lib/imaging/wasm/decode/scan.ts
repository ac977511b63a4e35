import { lastCoefficient, readBlock } from './block'
import { spend } from './budget'
import { component, frame, Status, scan, scanComponent } from './frame'
import { readMeans } from './means'
import { passRun, readProgressiveBlock, resetRun } from './progressive'
import { sampleAddress, writeGrey, writeSamples } from './samples'
import { fillStream, streamBits } from './stream'
import { advance, startUnits, unit } from './unit'

const scratch = memory.data(144, 16)

/** Reads a scan, interval by interval (T.81, B.2.1 and E.2.4); `isFirst` when nothing is known of the picture yet. */
export function readScan(isFirst: bool): i32 {
  const alone = scan.components == 1
  const member = scanComponent(0)
  startUnits(alone ? member.blocksWide : frame.unitsWide)
  const units = unit.wide * (alone ? member.blocksHigh : frame.unitsHigh)
  if (!spend(units * (alone ? 1 : blocksOfUnit()))) return Status.TOO_MUCH_WORK
  const interval = frame.restartInterval ? frame.restartInterval : units
  let done: u32 = 0
  let read: u32 = 0
  let expected: u32 = 0
  let isMissing = false
  while (done < units) {
    const count = min(interval, units - done)
    let found: u32 = 0
    if (!isMissing) {
      frame.at = fillStream(frame.at, frame.end)
      found = readInterval(count)
    }
    read += found
    done += count
    // Less than half of a picture is worse than none.
    if (isFirst && read + (units - done) < units / 2) return Status.INCOMPLETE
    if (found < count) passUnits(count - found)
    if (done < units && !isMissing) isMissing = !findRestart(expected++ & 7)
  }
  return spend(1) ? Status.OK : Status.TOO_MUCH_WORK
}

function blocksOfUnit(): u32 {
  let blocks: u32 = 0
  for (let i: u32 = 0; i < scan.components; i++) blocks += scanComponent(i).h * scanComponent(i).v
  return blocks
}

/** Reads so many units, and returns how many there were before the data ended or made no sense. */
function readInterval(count: u32): u32 {
  for (let i: u32 = 0; i < scan.components; i++) scanComponent(i).prediction = 0
  resetRun()
  if (frame.direct && frame.scale == 1) return readMeans(count)
  const bits = streamBits()
  let p: u32 = 0
  const first = scanComponent(0)
  for (let n: u32 = 0; n < count; n++) {
    // A run is of one component's blocks.
    const most = min(count - n, unit.wide - unit.column)
    const passed = passRun(first, unit.row * first.paddedWide + unit.column, most)
    if (passed) {
      n += passed - 1
      unit.column += passed - 1
    } else {
      p = readUnit(p)
      if (p > bits) return n
    }
    advance()
  }
  return count
}

/** The blocks of one unit; returns the position behind them, or one beyond the data. */
function readUnit(p: u32): u32 {
  return frame.direct ? readUnitSamples(p) : readUnitCoefficients(p)
}

function readUnitSamples(p: u32): u32 {
  for (let i: u32 = 0; i < scan.components; i++) {
    const member = scanComponent(i)
    for (let y: u32 = 0; y < member.v; y++) {
      let to = sampleAddress(member, unit.row, unit.column * member.h, y)
      for (let x: u32 = 0; x < member.h; x++) {
        memory.fill(scratch, 0, 128)
        p = readBlock(member, scratch, p)
        if (p == -1) return p
        writeSamples(member, scratch, lastCoefficient(), to)
        to += member.scale
      }
    }
  }
  return p
}

function readUnitCoefficients(p: u32): u32 {
  const alone = scan.components == 1
  for (let i: u32 = 0; i < scan.components; i++) {
    const member = scanComponent(i)
    const wide: u32 = alone ? 1 : member.h
    const high: u32 = alone ? 1 : member.v
    for (let y: u32 = 0; y < high; y++) {
      for (let x: u32 = 0; x < wide; x++) {
        const index = (unit.row * high + y) * member.paddedWide + unit.column * wide + x
        p = frame.progressive
          ? readProgressiveBlock(member, index, p)
          : readBlock(member, member.coefficients + index * member.blockBytes, p)
        if (p == -1) return p
      }
    }
  }
  return p
}

/** Leaves so many units grey. */
function passUnits(count: u32): void {
  for (let n: u32 = 0; n < count; n++) {
    if (frame.direct) {
      for (let i: u32 = 0; i < frame.components; i++) {
        const member = component(i)
        for (let y: u32 = 0; y < member.v; y++)
          for (let x: u32 = 0; x < member.h; x++)
            writeGrey(member, sampleAddress(member, unit.row, unit.column * member.h + x, y))
      }
    }
    advance()
  }
}

/**
 * Goes on behind restart marker `expected` (E.2.4). Where another is found, as libjpeg does: one of the next two means
 * that data is missing, so the interval stays empty; one of the last two is passed over; any other is taken for the one
 * expected. False at the end of the scan.
 */
function findRestart(expected: u32): bool {
  while (true) {
    if (frame.at + 2 > frame.end) return false
    const marker: u32 = load<u8>(frame.at, 1)
    if (marker >= 0xc0 && (marker < 0xd0 || marker > 0xd7)) return false
    const ahead = (marker - 0xd0 - expected) & 7
    if (marker >= 0xd0) {
      if (ahead == 1 || ahead == 2) return true
      if (ahead < 6) {
        frame.at += 2
        return true
      }
    }
    frame.at = fillStream(frame.at + 2, frame.end)
  }
}
