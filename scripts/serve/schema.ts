import type { App } from '../../lib/app.ts'
import { openDb } from '../../lib/db/index.ts'
import { migrate, readSchema } from '../../lib/db/migrate.ts'
import { isPostgres } from '../../lib/db/port.ts'
import { whenDatabaseIsBack } from './wait.ts'

/** Longest statement of a migration, in ms: it may build an index, or wait until another process has migrated. */
const STATEMENT_MS = 3_600_000

/** Migrates the database as soon as it is there; returns the names of what was applied. `onWait` is called while it is away. */
export const prepareSchema = (app: App, onWait: () => void): Promise<string[]> =>
  whenDatabaseIsBack(
    app,
    async () => {
      const { missing } = await readSchema(app.db)
      return missing === 0 ? [] : applyMissing(app)
    },
    onWait,
  )

async function applyMissing({ config, db }: App): Promise<string[]> {
  if (!isPostgres(db)) return migrate(db)
  const patient = await openDb(config.databaseUrl, { statementMs: STATEMENT_MS })
  try {
    return await migrate(patient)
  } finally {
    await patient.destroy()
  }
}
