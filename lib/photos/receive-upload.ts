import type { Readable } from 'node:stream'
import type { App } from '../app.ts'
import { awayCode } from '../away.ts'
import { nowPlus } from '../db/port.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { originalKey } from '../storage/port.ts'
import { findPhoto } from './row.ts'
import { confirmUpload, UPLOAD_EXPIRED, type UploadApp } from './uploads.ts'

/** How often an upload that goes on says so, in ms, and for how long the sweep then leaves its photo alone. */
const KEEP_EVERY_MS = 20_000
const KEEP_MS = 180_000

const QUOTA_EXCEEDED = 'quota-exceeded'

/** What an original that is stored comes to nothing by. */
const LOST: readonly ErrorCode[] = ['not-found', UPLOAD_EXPIRED, QUOTA_EXCEEDED]

type Upload = { stopped: AppError | undefined }

/**
 * Stores the original of a photo that waits for it. The photo keeps waiting as long as its upload goes on, past the link too. Throws
 * `not-found`, `upload-expired` or `already-uploaded` once the photo waits no longer; and as `putStream`.
 */
export async function storeOriginal(
  app: Pick<App, 'db' | 'storage'>,
  uuid: string,
  content: Readable,
  maxBytes: number,
): Promise<void> {
  const upload: Upload = { stopped: undefined }
  // The database is away: the next time may do.
  const keep = () => keepWaiting(app, uuid).catch(() => undefined)
  const keeping = setInterval(async () => {
    upload.stopped = await keep()
  }, KEEP_EVERY_MS)
  try {
    await app.storage.putStream(originalKey(uuid), watched(content, upload, keep), maxBytes)
  } finally {
    clearInterval(keeping)
  }
}

/**
 * The same bytes, until the upload is stopped, which it is before they are stored where another upload by the same link was faster:
 * that one is counted and processed. To stop reading them leaves the rest of the form readable.
 */
async function* watched(
  content: Readable,
  upload: Upload,
  keep: () => Promise<AppError | undefined>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of content.iterator({ destroyOnReturn: false })) {
    if (upload.stopped) throw upload.stopped
    yield chunk
  }
  const stopped = await keep()
  if (stopped) throw stopped
}

/**
 * Confirms what has been stored. Throws `not-found` or `upload-expired` where the photo was deleted or failed meanwhile, and
 * `quota-exceeded`; then the original does not stay.
 */
export async function settleUpload(app: UploadApp, uuid: string): Promise<void> {
  try {
    await confirmUpload(app, uuid)
    const { error_code, error } = await findPhoto(app.db, uuid)
    if (error_code === UPLOAD_EXPIRED) throw tooLate()
    // Another upload by the same link was too large: what this one has stored is not counted.
    if (error_code === QUOTA_EXCEEDED) throw new AppError(QUOTA_EXCEEDED, error ?? '')
  } catch (error) {
    if (error instanceof AppError && LOST.includes(error.code))
      await app.storage.remove(originalKey(uuid)).catch(leaveToSweep)
    throw error
  }
}

/** The storage is away: the sweep removes what is lost. */
function leaveToSweep(error: unknown): void {
  if (!awayCode(error)) throw error
}

/** Keeps the sweep from the photo of an upload that goes on; what to say to the client where the photo waits no longer. */
async function keepWaiting({ db }: Pick<App, 'db'>, uuid: string): Promise<AppError | undefined> {
  const kept = await db
    .updateTable('photos')
    .set({ check_after: nowPlus(KEEP_MS) })
    .where('uuid', '=', uuid)
    .where('status', '=', 'init')
    .returning('uuid')
    .executeTakeFirst()
  if (kept) return undefined
  const found = await findPhoto(db, uuid).catch((error: unknown) => {
    if (error instanceof AppError) return error
    throw error
  })
  if (found instanceof AppError) return found
  return found.error_code === UPLOAD_EXPIRED
    ? tooLate()
    : new AppError('already-uploaded', 'The image has been uploaded')
}

const tooLate = () => new AppError(UPLOAD_EXPIRED, 'The upload was not finished in time')
