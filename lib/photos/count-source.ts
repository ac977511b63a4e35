import type { App } from '../app.ts'
import { isOriginal } from '../storage/port.ts'
import type { PhotoRow } from './row.ts'

/**
 * Counts the bytes of a source that was downloaded for its project, each time; those of an upload were counted when it was confirmed.
 * Throws `quota-exceeded`.
 */
export async function countSource(
  { access: { quotas }, db }: Pick<App, 'access' | 'db'>,
  { url, project_id }: Pick<PhotoRow, 'url' | 'project_id'>,
  bytes: number,
): Promise<void> {
  if (isOriginal(url) || !(await quotas.mayHave(db, project_id))) return
  await db.transaction().execute((tx) => quotas.takeBytes(tx, project_id, bytes))
}
