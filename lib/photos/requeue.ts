import { sql } from 'kysely'
import type { App } from '../app.ts'
import { LANE, PUBLISHED } from '../outbox/lanes.ts'
import { record } from '../outbox/record.ts'

/** Longest wait for the queue to take them, in ms. */
const PUBLISH_MS = 5_000

/**
 * Publishes a message for every queued photo, in turns between lanes: for a queue that began empty. What waits in the outbox
 * goes on waiting, and so does what a lane has beyond its window. Returns how many the queue took.
 */
export async function requeueAll(app: Pick<App, 'access' | 'db' | 'queue' | 'trace'>): Promise<number> {
  const queued = await app.db
    .selectFrom('photos')
    .select(['uuid', 'traceparent'])
    .select(sql<number>`row_number() over (partition by ${LANE} order by queued_at)`.as('turn'))
    .where(PUBLISHED)
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
