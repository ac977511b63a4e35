import type { Db } from '../db/port.ts'
import { isMail, type Target } from './index.ts'

/** What a target may be sent at once at first, and when it has taken many. */
const REQUESTS = { least: 10, most: 50 }

/** Failures in a mail. */
const FAILURES = { least: 200, most: 200 }

/** What this process sends to a target now, and how much more it may. */
export type Slots = ReturnType<typeof openSlots>

/**
 * Counts what is under way to a target. The more it takes the more it may have at once, so that what it loses, which holds a
 * slot until the end of its time, does not hold up the rest; with each failure it is half as much.
 */
function openSlots({ least, most }: { least: number; most: number }) {
  let size = least
  let taken = 0
  const running = new Set<Promise<unknown>>()
  return {
    free: () => Math.max(0, size - running.size),
    /** Holds a slot until something has ended, which does not reject. */
    hold<T>(sending: Promise<T>): Promise<T> {
      const held: Promise<T> = sending.finally(() => running.delete(held))
      running.add(held)
      return held
    },
    note(isTaken: boolean) {
      size = isTaken ? Math.min(most, size + 1) : Math.max(least, Math.floor(size / 2))
      if (isTaken) taken++
    },
    /** How many the target has taken from this process. */
    taken: () => taken,
    running: (): readonly Promise<unknown>[] => [...running],
  }
}

const opened = new WeakMap<Db, Map<Target, Slots>>()

/** The slots of a target in this process. */
export function slotsOf(db: Db, target: Target): Slots {
  const known = opened.get(db) ?? new Map<Target, Slots>()
  opened.set(db, known)
  const slots = known.get(target) ?? openSlots(isMail(target) ? FAILURES : REQUESTS)
  known.set(target, slots)
  return slots
}

/** Resolves when nothing is under way to any target any more. */
export async function finishSending(db: Db): Promise<void> {
  for (const slots of opened.get(db)?.values() ?? []) await Promise.all(slots.running())
}
