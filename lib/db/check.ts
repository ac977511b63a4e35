import { sql } from 'kysely'
import { lateError } from '../away.ts'
import { withDeadline } from '../deadline.ts'
import type { Db } from './port.ts'

/** Longest wait for the answer, in ms. */
const DEADLINE_MS = 10_000

/** Throws where the database takes no writes now: also one that answers, but is read-only or locked. Changes nothing. */
export async function checkDatabase(db: Db): Promise<void> {
  const nothing = db
    .updateTable('photos')
    .set(({ ref }) => ({ status: ref('status') }))
    .where(sql<boolean>`false`)
  await withDeadline(DEADLINE_MS, nothing.execute(), () => lateError(DEADLINE_MS, 'database-unavailable'))
}
