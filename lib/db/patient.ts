import { openDb } from './index.ts'
import { migrate, readSchema } from './migrate.ts'
import type { Db } from './port.ts'

/** Longest statement of a migration, in ms: it may build an index, or wait until another process has migrated. */
const STATEMENT_MS = 3_600_000

/** Opens the database as `openDb` does, for statements that take as long as those of migrations. */
export const openPatient = (url: string): Promise<Db> => openDb(url, { statementMs: STATEMENT_MS })

/** Applies what the database lacks on a connection that waits for it; returns the names of what was applied. */
export async function migratePatiently(db: Db, url: string): Promise<string[]> {
  const { missing } = await readSchema(db)
  if (missing === 0) return []
  const patient = await openPatient(url)
  try {
    return await migrate(patient)
  } finally {
    await patient.destroy()
  }
}
