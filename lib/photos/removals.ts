import { setTimeout as delay } from 'node:timers/promises'
import { uuidv7 } from 'uuidv7'
import type { App } from '../app.ts'
import { chunks, type Db, isPostgres, nowPlus } from '../db/port.ts'
import { record } from '../outbox/record.ts'
import type { PhotoStatus } from '../photo-status.ts'
import { isKey, isOriginal } from '../storage/port.ts'
import { REQUESTED_ANEW } from './row.ts'

/** Removals that the sweep takes at once. */
const BATCH = 100

/** For so long a removal is left to the process that planned or took it, in ms. */
const TAKEN_MS = 60_000

/**
 * After which times a removal that repeats is done again, in ms: an upload or a late attempt ends within minutes; that of a
 * bucket's link, or of a process that stood still, may end later.
 */
const REPEATS_MS = [5 * 60_000, 50 * 60_000, 24 * 3_600_000]

/** How long whoever has deleted something waits for its files to go, in ms; past it the sweep removes them. */
const WAIT_MS = 2_000

/** Files of a photo whose row has gone, has failed or never will have them. */
export type Removal = {
  id: string
  photoUuid: string
  keys: readonly string[]
  runs: number
  repeats: boolean
}

type RemovalApp = Pick<App, 'access' | 'db' | 'queue' | 'storage' | 'trace'>

/** Plans the removal of the files of one photo; see `planRemovals`. */
export async function planRemoval(
  tx: Db,
  photoUuid: string,
  keys: readonly string[],
  repeats = false,
): Promise<void> {
  await planRemovals(tx, [{ photoUuid, keys, repeats }])
}

/**
 * Plans removals, in the transaction that takes the rows: no storage is called there, and the sweep removes what a process
 * that dies has not removed, after `dueMs`. `repeats`: again later, since something may still be stored.
 */
export async function planRemovals(
  tx: Db,
  planned: readonly Pick<Removal, 'photoUuid' | 'keys' | 'repeats'>[],
  dueMs = TAKEN_MS,
): Promise<Removal[]> {
  const removals = planned.map(({ photoUuid, keys, repeats }) => ({
    id: uuidv7(),
    photoUuid,
    // A row of a stranger's may name anything.
    keys: keys.filter(isKey),
    runs: 0,
    repeats,
  }))
  for (const part of chunks(removals))
    await tx
      .insertInto('removals')
      .values(
        part.map(({ id, photoUuid, keys, repeats }) => ({
          id,
          photo_uuid: photoUuid,
          keys: JSON.stringify(keys),
          due: nowPlus(dueMs),
          repeats,
        })),
      )
      .execute()
  return removals
}

/** Carries out a removal after its commit, as far as that takes no longer than 2 s; the sweep does the rest. */
export async function removeSoon(app: RemovalApp & Pick<App, 'log'>, removal: Removal): Promise<void> {
  const removing = carryOut(app, removal).catch((err: Error) =>
    app.log.warn({ err, photo_uuid: removal.photoUuid }, 'files are left to the sweep'),
  )
  await Promise.race([removing, delay(WAIT_MS, undefined, { ref: false })])
}

/** Carries out the removals whose time has come; returns how many. */
export async function removeFiles(app: RemovalApp & Pick<App, 'log'>): Promise<number> {
  const due = app.db
    .selectFrom('removals')
    .select('id')
    .where('due', '<=', nowPlus())
    .orderBy('due')
    .limit(BATCH)
    .$if(isPostgres(app.db), (query) => query.forUpdate().skipLocked())
  const taken = await app.db
    .updateTable('removals')
    .set({ due: nowPlus(TAKEN_MS) })
    .where('id', 'in', due)
    .returningAll()
    .execute()
  const done = await Promise.all(
    taken.map(({ id, photo_uuid, keys, runs, repeats }) =>
      carryOut(app, {
        id,
        photoUuid: photo_uuid,
        keys: JSON.parse(keys),
        runs,
        repeats: Boolean(repeats),
      }).then(
        () => true,
        (err: Error) => {
          app.log.warn({ err, photo_uuid }, 'files could not be removed')
          return false
        },
      ),
    ),
  )
  return done.filter(Boolean).length
}

async function carryOut(app: RemovalApp, removal: Removal): Promise<void> {
  const { id, photoUuid, keys, runs, repeats } = removal
  const wasLeft = await removeLeft(app, photoUuid, keys)
  if (!wasLeft) await keepSource(app.db, photoUuid)
  const next = repeats && wasLeft ? REPEATS_MS[runs] : undefined
  await (next === undefined
    ? app.db.deleteFrom('removals').where('id', '=', id).execute()
    : app.db
        .updateTable('removals')
        .set({ due: nowPlus(next), runs: runs + 1 })
        .where('id', '=', id)
        .execute())
}

/** Removes files of a photo that has failed or was deleted; false where it has been queued again, and they may be its own. */
export const removeLeft = (app: RemovalApp, photoUuid: string, keys: readonly string[]): Promise<boolean> =>
  removeUnless(app, photoUuid, keys, async () => {
    const status = await statusOf(app.db, photoUuid)
    return status !== undefined && status !== 'failed'
  })

/**
 * Removes files unless they are needed, and returns whether they were not. No lock keeps a new attempt of their photo from storing
 * the same files meanwhile: one that has begun is begun again.
 */
export async function removeUnless(
  app: RemovalApp,
  photoUuid: string | undefined,
  keys: readonly string[],
  isNeeded: () => Promise<boolean>,
): Promise<boolean> {
  if (await isNeeded()) return false
  for (const key of keys) await app.storage.remove(key)
  if (!(await isNeeded())) return true
  if (photoUuid !== undefined && !keys.every(isOriginal)) await beginAgain(app, photoUuid)
  return false
}

async function statusOf(db: Db, uuid: string): Promise<PhotoStatus | undefined> {
  const photo = await db.selectFrom('photos').select('status').where('uuid', '=', uuid).executeTakeFirst()
  return photo?.status
}

/** Notes that the original of a photo that was queued again meanwhile has not been removed. */
async function keepSource(db: Db, uuid: string): Promise<void> {
  await db
    .updateTable('photos')
    .set({ source_removed_at: null })
    .where('uuid', '=', uuid)
    .where('source_removed_at', 'is not', null)
    .execute()
}

/** Queues a photo again whose attempt, running or completed, may have lost what it stored. */
const beginAgain = (app: RemovalApp, uuid: string): Promise<void> =>
  record(app, async (tx, emit) => {
    const begun = await tx
      .updateTable('photos')
      .set(REQUESTED_ANEW)
      .where('uuid', '=', uuid)
      .where('status', 'in', ['processing', 'completed'])
      .returning('uuid')
      .executeTakeFirst()
    if (begun)
      emit({
        type: 'image.queued',
        photoUuid: uuid,
        detail: 'Files of an earlier attempt were removed meanwhile',
      })
  })
