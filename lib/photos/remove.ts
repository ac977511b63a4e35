import type { Projects } from '../access/caller.ts'
import type { App } from '../app.ts'
import { AppError } from '../errors.ts'
import { record } from '../outbox/record.ts'
import { findRenditions } from '../renditions/row.ts'
import { isOriginal, renditionKey } from '../storage/port.ts'
import { eventData } from './event-data.ts'
import { plannedPaths } from './files.ts'
import { planRemoval, removeSoon } from './removals.ts'
import { findPhoto } from './row.ts'

/**
 * Removes a photo with its rows, files and cached images; throws `already-processing` while a worker holds it. The files go
 * after the commit: with the row goes a removal, which the sweep carries out should this process die or the storage be away.
 */
export async function removePhoto(
  app: Pick<App, 'access' | 'config' | 'db' | 'queue' | 'storage' | 'contents' | 'log' | 'trace'>,
  id: string,
  projects: Projects = '*',
): Promise<void> {
  const { uuid } = await findPhoto(app.db, id, projects)
  const { had, removal } = await record(app, async (tx, emit) => {
    const had = await findRenditions(tx, [uuid])
    const photo = await tx
      .deleteFrom('photos')
      .where('uuid', '=', uuid)
      .where('status', '!=', 'processing')
      .returningAll()
      .executeTakeFirst()
    if (!photo) {
      await findPhoto(tx, uuid)
      throw new AppError('already-processing', 'The photo is being processed')
    }
    await tx.deleteFrom('events').where('photo_uuid', '=', uuid).execute()
    const paths = new Set([...had.map(({ url }) => url), ...plannedPaths(photo, app.config)])
    const keys = [...paths].map(renditionKey)
    if (isOriginal(photo.url)) keys.push(photo.url)
    // An upload, or an attempt that lost its lease, may still be about to store something.
    const removal = await planRemoval(tx, uuid, keys, photo.status !== 'completed')
    emit({ type: 'image.deleted', photoUuid: uuid, data: eventData(photo, [], app.config.publicUrl) })
    return { had, removal }
  })
  app.contents.drop(uuid, had)
  await removeSoon(app, removal)
}
