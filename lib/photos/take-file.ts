import type { Readable } from 'node:stream'
import { uuidv7 } from 'uuidv7'
import type { Owner } from '../access/caller.ts'
import type { App } from '../app.ts'
import { awayCode } from '../away.ts'
import { AppError } from '../errors.ts'
import { originalKey } from '../storage/port.ts'
import { settleUpload, storeOriginal } from './receive-upload.ts'
import { planRemoval } from './removals.ts'
import { awaitUpload, parseFilename, type UploadApp } from './uploads.ts'

/**
 * Takes a file as a photo of the page door and queues it. The row comes first, so that bytes never lie
 * without one; once they are stored the photo is taken, and if this process cannot confirm it the sweep does. Throws
 * `invalid` for its name, and as `storeOriginal`; then, or if the client goes, neither row nor bytes stay. `quota-exceeded`: its row
 * may stay as failed.
 */
export async function takeFile(
  app: UploadApp & Pick<App, 'log'>,
  filename: string,
  content: Readable,
  { owner, maxBytes }: { owner: Owner; maxBytes: number },
): Promise<{ uuid: string; name: string }> {
  const name = parseFilename(filename)
  const uuid = uuidv7()
  await awaitUpload(app, { uuid, door: 'page', owner, name })
  try {
    await storeOriginal(app, uuid, content, maxBytes)
  } catch (error) {
    await forget(app, uuid).catch((err: Error) =>
      app.log.warn({ err, photo_uuid: uuid }, 'left to the sweep'),
    )
    throw error
  }
  await settleUpload(app, uuid).catch((error: Error) => {
    // A client that is told to try again would make a second photo.
    if (error instanceof AppError && !awayCode(error)) throw error
    app.log.warn({ err: error, photo_uuid: uuid }, 'the sweep will confirm the upload')
  })
  return { uuid, name }
}

/**
 * Deletes a photo whose upload failed, and what a storage that failed late has kept of it. None of its events was published, so its
 * end is not either.
 */
async function forget({ db }: Pick<App, 'db'>, uuid: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const gone = await tx
      .deleteFrom('photos')
      .where('uuid', '=', uuid)
      .where('status', '=', 'init')
      .returning('uuid')
      .executeTakeFirst()
    if (!gone) return
    await tx.deleteFrom('events').where('photo_uuid', '=', uuid).execute()
    await planRemoval(tx, uuid, [originalKey(uuid)], true)
  })
}
