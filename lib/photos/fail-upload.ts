import type { App } from '../app.ts'
import { type Db, nowPlus } from '../db/port.ts'
import type { ErrorCode } from '../errors.ts'
import type { NewEvent } from '../outbox/event.ts'
import { eventData } from './event-data.ts'
import { planRemoval } from './removals.ts'

/**
 * Fails a photo whose upload has not come (`init`), or is not to be processed (`pending`): then its bytes go. False where the photo
 * has another status by now. A part of a `record`.
 */
export async function failUpload(
  { config }: Pick<App, 'config'>,
  { tx, emit }: { tx: Db; emit: (event: NewEvent) => void },
  { uuid, status }: { uuid: string; status: 'init' | 'pending' },
  { code, message }: { code: ErrorCode; message: string },
): Promise<boolean> {
  const isStored = status === 'pending'
  const failed = await tx
    .updateTable('photos')
    .set({
      status: 'failed',
      error_code: code,
      error: message,
      queued_at: null,
      ...(isStored && { source_removed_at: nowPlus() }),
      updated_at: nowPlus(),
    })
    .where('uuid', '=', uuid)
    .where('status', '=', status)
    .returningAll()
    .executeTakeFirst()
  if (!failed) return false
  if (isStored) await planRemoval(tx, uuid, [failed.url], true)
  emit({
    type: 'image.failed',
    photoUuid: uuid,
    detail: `${code}: ${message}`,
    data: eventData(failed, [], config.publicUrl),
    traceparent: failed.traceparent,
  })
  return true
}
