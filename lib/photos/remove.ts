import type { Projects } from '../access/caller.ts'
import type { App } from '../app.ts'
import { type Db, isPostgres, uuids } from '../db/port.ts'
import { AppError } from '../errors.ts'
import type { NewEvent } from '../outbox/event.ts'
import { record } from '../outbox/record.ts'
import { findRenditionsByPhoto, type RenditionRow } from '../renditions/row.ts'
import { isOriginal, renditionKey } from '../storage/port.ts'
import type { Bulk } from './bulk.ts'
import { eventData } from './event-data.ts'
import { plannedPaths } from './files.ts'
import { planRemovals, type Removal, removeSoon } from './removals.ts'
import { findPhoto, type PhotoRow } from './row.ts'

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
  const [removed] = await record(app, async (tx, emit) => {
    const removed = await removeRows(app, { tx, emit }, [uuid])
    if (removed.length > 0) return removed
    await findPhoto(tx, uuid)
    throw new AppError('already-processing', 'The photo is being processed')
  })
  if (!removed) return
  app.contents.drop(uuid, removed.had)
  await removeSoon(app, removed.removal)
}

/** Removes photos, but those being processed; the sweep removes their files. */
export const REMOVE: Bulk = {
  table: 'deletions',
  statuses: ['init', 'pending', 'completed', 'failed'],
  async act(app, uuids) {
    const removed = await record(app, (tx, emit) => removeRows(app, { tx, emit }, uuids, 0))
    return {
      count: removed.length,
      after() {
        for (const { photo, had } of removed) app.contents.drop(photo.uuid, had)
      },
    }
  },
}

type Removed = { photo: PhotoRow; had: RenditionRow[]; removal: Removal }

/**
 * Removes the rows of those photos that no worker holds, and plans the removal of their files: the sweep carries it out after
 * `dueMs`, by default when whoever planned it must have died. A part of a `record`.
 */
async function removeRows(
  { config }: Pick<App, 'config'>,
  { tx, emit }: { tx: Db; emit: (event: NewEvent) => void },
  asked: readonly string[],
  dueMs?: number,
): Promise<Removed[]> {
  // In the order of the key, so that two requests for the same photos cannot wait for each other.
  if (isPostgres(tx) && asked.length > 1)
    await tx
      .selectFrom('photos')
      .select('uuid')
      .where('uuid', 'in', uuids(tx, asked))
      .orderBy('uuid')
      .forUpdate()
      .execute()
  const hadBy = await findRenditionsByPhoto(
    tx,
    asked.map((uuid) => ({ uuid })),
  )
  const photos = await tx
    .deleteFrom('photos')
    .where('uuid', 'in', uuids(tx, asked))
    .where('status', '!=', 'processing')
    .returningAll()
    .execute()
  const gone = photos.map(({ uuid }) => uuid)
  await tx.deleteFrom('events').where('photo_uuid', 'in', uuids(tx, gone)).execute()
  const planned = photos.map((photo) => ({
    photoUuid: photo.uuid,
    keys: keysOf(photo, hadBy(photo), config),
    // An upload, or an attempt that lost its lease, may still be about to store something.
    repeats: photo.status !== 'completed',
  }))
  const removals = await planRemovals(tx, planned, dueMs)
  for (const photo of photos)
    emit({ type: 'image.deleted', photoUuid: photo.uuid, data: eventData(photo, [], config.publicUrl) })
  return photos.map((photo, index) => ({ photo, had: hadBy(photo), removal: removals[index] as Removal }))
}

/** Where the files of a photo lie, or would lie. */
function keysOf(photo: PhotoRow, had: readonly RenditionRow[], config: App['config']): string[] {
  const paths = new Set([...had.map(({ url }) => url), ...plannedPaths(photo, config)])
  const keys = [...paths].map(renditionKey)
  return isOriginal(photo.url) ? [...keys, photo.url] : keys
}
