import type { Projects } from '../access/caller.ts'
import type { App } from '../app.ts'
import { isPostgres, nowPlus } from '../db/port.ts'
import { inTransaction } from '../outbox/record.ts'
import { changeLabels, type LabelChanges, toColumn } from './labels.ts'
import { findPhoto, labelsOf, type PhotoRow } from './row.ts'

/** What a client calls a photo, and what it keeps with it; null clears, undefined leaves. */
export type PhotoChanges = { name?: string | null; reference?: string | null; labels?: LabelChanges }

/**
 * Changes what a client calls a photo of some projects, whatever its status; returns the photo. Nothing is made anew, and nobody is
 * sent an event. Throws `not-found`, and `invalid` for too many labels.
 */
export const updatePhoto = (
  app: Pick<App, 'access' | 'db' | 'queue'>,
  id: string,
  { labels: changes, ...names }: PhotoChanges,
  projects: Projects = '*',
): Promise<PhotoRow> =>
  inTransaction(app, async ({ db }) => {
    const { uuid } = await findPhoto(db, id, projects)
    // Labels are changed one by one: two requests at once must not undo each other.
    const known = await db
      .selectFrom('photos')
      .select('labels')
      .where('uuid', '=', uuid)
      .$if(isPostgres(db), (query) => query.forNoKeyUpdate())
      .executeTakeFirst()
    const labels =
      changes === undefined ? undefined : changeLabels(labelsOf(known ?? { labels: null }), changes)
    await db
      .updateTable('photos')
      .set({ ...names, ...(labels && { labels: toColumn(labels) }), updated_at: nowPlus() })
      .where('uuid', '=', uuid)
      .execute()
    return findPhoto(db, uuid, projects)
  })
