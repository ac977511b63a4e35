import type { Generated } from 'kysely'

/** A part of the sweep that runs seldom. */
export type TurnsTable = {
  name: string
  due: Generated<string>
  /** How far the last run came, where that matters to the next. */
  position: string | null
}

/** The one row that says which files are this database's: those of the storage that holds the same id. */
export type StorageOwnerTable = {
  /** Null until the first search for files without a row. */
  id: string | null
  /** What takes its place; null unless that is under way. */
  next: string | null
}
