import type { Db } from '../db/port.ts'
import { markPublished } from './published.ts'

/** How long marks are gathered for one statement, in ms: a small part of the time after which the relay publishes what has none. */
const GATHER_MS = 50

type Group = { ids: string[]; begin: () => void }

const gathering = new WeakMap<Db, Group>()
const last = new WeakMap<Db, Promise<void>>()

/**
 * Marks events as published, in one statement with what else is to be marked within 50 ms. Nobody waits for it, so an attempt
 * does not either: where a process dies before, or the database is away, the relay publishes the events once more.
 */
export function markSoon(db: Db, ids: readonly string[]): void {
  const group = gathering.get(db) ?? gather(db)
  group.ids.push(...ids)
}

function gather(db: Db): Group {
  const begun = Promise.withResolvers<void>()
  const timer = setTimeout(begun.resolve, GATHER_MS)
  const group = { ids: [] as string[], begin: begun.resolve }
  gathering.set(db, group)
  const marked = begun.promise.then(() => {
    clearTimeout(timer)
    gathering.delete(db)
    return markPublished(db, group.ids)
  })
  const before = last.get(db)
  last.set(
    db,
    marked.catch(() => {}).then(() => before),
  )
  return group
}

/** Marks what is gathered at once; resolves when all is marked, or could not be: before a process ends or is frozen. */
export async function settleMarks(db: Db): Promise<void> {
  gathering.get(db)?.begin()
  await last.get(db)
}
