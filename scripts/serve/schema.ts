import type { App } from '../../lib/app.ts'
import { migratePatiently } from '../../lib/db/patient.ts'
import { whenDatabaseIsBack } from './wait.ts'

/** Migrates the database as soon as it is there; returns the names of what was applied. `onWait` is called while it is away. */
export const prepareSchema = (app: App, onWait: () => void): Promise<string[]> =>
  whenDatabaseIsBack(app, () => migratePatiently(app.db, app.config.databaseUrl), onWait)
