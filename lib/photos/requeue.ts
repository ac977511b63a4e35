import { sql } from 'kysely'
import type { App } from '../app.ts'
import { isPostgres, nowPlus } from '../db/port.ts'
import { LANE } from '../outbox/lanes.ts'
import { record } from '../outbox/record.ts'

/** Photos queued again in one go. */
const BATCH = 500

/** Longest wait for the queue to take them, in ms. */
const PUBLISH_MS = 5_000

/**
 * Queues photos again whose last message is older than `requeueAfterMs`: a broker lost it, or its queue was purged. Returns
 * how many.
 */
export async function requeueStale(app: Pick<App, 'config' | 'db' | 'queue' | 'trace'>): Promise<number> {
  const { requeueAfterMs } = app.config
  return record(app, async (tx, emit) => {
    const stale = await tx
      .selectFrom('photos')
      .select(['uuid', 'traceparent'])
      .where('status', '=', 'pending')
      .where('queued_at', '<', nowPlus(-requeueAfterMs))
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('events')
              .select(sql`1`.as('one'))
              .whereRef('events.photo_uuid', '=', 'photos.uuid')
              .where('events.type', '=', 'image.queued')
              .where((eb) =>
                eb.or([eb('published_at', 'is', null), eb('published_at', '>', nowPlus(-requeueAfterMs))]),
              ),
          ),
        ),
      )
      .limit(BATCH)
      .$if(isPostgres(tx), (query) => query.forUpdate().skipLocked())
      .execute()
    for (const { uuid, traceparent } of stale)
      emit({ type: 'image.queued', photoUuid: uuid, detail: 'The broker lost the message', traceparent })
    return stale.length
  })
}

/**
 * Publishes a message for every queued photo, in turns between lanes: for a queue that began empty. What waits in the outbox
 * goes on waiting, and so does what a lane has beyond its window. Returns how many the queue took.
 */
export async function requeueAll(app: Pick<App, 'db' | 'queue' | 'trace'>): Promise<number> {
  const queued = await app.db
    .selectFrom('photos')
    .select(['uuid', 'traceparent'])
    .select(sql<number>`row_number() over (partition by ${LANE} order by queued_at)`.as('turn'))
    .where('status', '=', 'pending')
    .where('queued_at', 'is not', null)
    .where('held_at', 'is', null)
    .orderBy('turn')
    .orderBy('queued_at')
    .execute()
  const { window } = app.queue
  const beyond = queued.filter(({ turn }) => turn > window)
  if (beyond.length > 0)
    await record(app, async (_tx, emit) => {
      for (const { uuid, traceparent } of beyond)
        emit({ type: 'image.queued', photoUuid: uuid, detail: 'The service started again', traceparent })
    })
  const messages = queued
    .filter(({ turn }) => turn <= window)
    .map(({ uuid }) => ({ id: uuid, to: 'work' as const, key: '', body: { photo_uuid: uuid } }))
  return (await app.queue.publish(messages, PUBLISH_MS)).size
}
