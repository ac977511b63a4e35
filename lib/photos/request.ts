import { sql } from 'kysely'
import { maySee, type Projects } from '../access/caller.ts'
import type { App } from '../app.ts'
import { chunks, type Db, isPostgres, uuids } from '../db/port.ts'
import type { ErrorCode } from '../errors.ts'
import { record } from '../outbox/record.ts'
import type { PhotoStatus } from '../photo-status.ts'
import { REQUESTED_ANEW } from './row.ts'

export type Rejection = { uuid: string; code: ErrorCode; detail: string }

/** Photos that one transaction queues. */
const BATCH = 1000

type Known = { uuid: string; status: PhotoStatus; queued_at: string | null; project_id: number | null }

/** Queues photos of some projects, whatever their state and however often they are named; each is queued once. */
export async function requestProcessing(
  app: Pick<App, 'access' | 'db' | 'queue' | 'contents' | 'trace'>,
  ids: readonly string[],
  force: boolean,
  projects: Projects = '*',
): Promise<{ accepted: string[]; rejected: Rejection[] }> {
  const requested = [...new Set(ids.map((id) => id.toLowerCase()))]
  const queued: string[] = []
  const outcome = await record(app, async (tx, emit) => {
    const found = (await lockPhotos(tx, requested)).filter(({ project_id }) => maySee(projects, project_id))
    const known = new Map(found.map((photo) => [photo.uuid, photo]))
    const rejected = requested.flatMap((uuid) => rejection(uuid, known.get(uuid), force) ?? [])
    const refused = new Set(rejected.map(({ uuid }) => uuid))
    const accepted = requested.filter((uuid) => !refused.has(uuid))
    const queue = accepted.filter((uuid) => !isQueued(known.get(uuid)))
    await tx
      .updateTable('photos')
      .set({ ...REQUESTED_ANEW, ...(app.trace !== undefined && { traceparent: app.trace }) })
      .where('uuid', 'in', uuids(tx, queue))
      .execute()
    for (const photoUuid of queue) emit({ type: 'image.queued', photoUuid })
    queued.push(...queue)
    return { accepted, rejected }
  })
  for (const uuid of queued) app.contents.drop(uuid)
  return outcome
}

/**
 * Queues those of the named photos that are pending and were not requested before, as a message that names them asks for, and
 * ignores the others; returns those that do not exist.
 */
export async function queueNamed(
  app: Pick<App, 'access' | 'db' | 'queue' | 'trace'>,
  named: readonly string[],
): Promise<string[]> {
  const unknown: string[] = []
  for (const batch of chunks(named, BATCH))
    await record(app, async (tx, emit) => {
      const known = new Map((await lockPhotos(tx, batch)).map((photo) => [photo.uuid, photo]))
      unknown.push(...batch.filter((uuid) => !known.has(uuid)))
      const waiting = batch.filter((uuid) => isUnrequested(known.get(uuid)))
      const queued = await tx
        .updateTable('photos')
        .set({
          ...REQUESTED_ANEW,
          ...(app.trace !== undefined && { traceparent: sql<string>`coalesce(traceparent, ${app.trace})` }),
        })
        .where('uuid', 'in', uuids(tx, waiting))
        .returning(['uuid', 'traceparent'])
        .execute()
      for (const { uuid, traceparent } of queued) emit({ type: 'image.queued', photoUuid: uuid, traceparent })
    })
  return unknown
}

/** In the order of the key, so that two requests for the same photos cannot wait for each other. */
function lockPhotos(tx: Db, requested: readonly string[]): Promise<Known[]> {
  return tx
    .selectFrom('photos')
    .select(['uuid', 'status', 'queued_at', 'project_id'])
    .where('uuid', 'in', uuids(tx, requested))
    .orderBy('uuid')
    .$if(isPostgres(tx), (query) => query.forUpdate())
    .execute()
}

const isQueued = (photo: Known | undefined) => photo?.status === 'pending' && photo.queued_at !== null

const isUnrequested = (photo: Known | undefined) => photo?.status === 'pending' && photo.queued_at === null

function rejection(uuid: string, photo: Known | undefined, force: boolean): Rejection | undefined {
  if (!photo) return { uuid, code: 'not-found', detail: 'There is no such photo' }
  if (photo.status === 'processing')
    return { uuid, code: 'already-processing', detail: 'The photo is being processed' }
  if (photo.status === 'init')
    return { uuid, code: 'not-uploaded', detail: 'The photo has not been uploaded yet' }
  if (photo.status === 'completed' && !force) {
    return {
      uuid,
      code: 'already-completed',
      detail: 'The photo is completed; request it with "force": true to process it again',
    }
  }
  return undefined
}
