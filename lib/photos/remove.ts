import type { App } from '../app.ts'
import { AppError } from '../errors.ts'
import { record } from '../outbox/record.ts'
import { findRenditions } from '../renditions/row.ts'
import { isOriginal, renditionKey } from '../storage/port.ts'
import { eventData } from './event-data.ts'
import { findPhoto } from './row.ts'

/**
 * Removes a photo with its rows, files and cached images; throws `already-processing` while a worker holds it. The
 * files go before the commit: a process that dies in between leaves a row that can be removed again, and no file without a row.
 */
export async function removePhoto(
  app: Pick<App, 'config' | 'db' | 'queue' | 'storage' | 'contents'>,
  id: string,
): Promise<void> {
  const { uuid } = await findPhoto(app.db, id)
  const had = await record(app, async (tx, emit) => {
    const renditions = await findRenditions(tx, [uuid])
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
    for (const { url } of renditions) await app.storage.remove(renditionKey(url))
    if (isOriginal(photo.url)) await app.storage.remove(photo.url)
    emit({ type: 'image.deleted', photoUuid: uuid, data: eventData(photo, [], app.config.publicUrl) })
    return renditions
  })
  app.contents.drop(uuid, had)
}
