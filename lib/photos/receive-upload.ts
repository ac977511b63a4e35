import type { Readable } from 'node:stream'
import type { App } from '../app.ts'
import { nowPlus } from '../db/port.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { originalKey } from '../storage/port.ts'
import { findPhoto } from './row.ts'
import { confirmUpload, UPLOAD_EXPIRED, type UploadApp } from './uploads.ts'

/** How often an upload that goes on says so, in ms, and for how long the sweep then leaves its photo alone. */
const KEEP_EVERY_MS = 20_000
const KEEP_MS = 180_000

/** The least that a client sends, by default, while we wait for it: half of 1 kB/s, since networks falter. */
const LEAST = { bytes: 30_000, ms: 60_000 }

/** What an original that is stored comes to nothing by. */
const LOST: readonly ErrorCode[] = ['not-found', UPLOAD_EXPIRED, 'quota-exceeded']

/** How often we look whether we wait, in ms: a process that stood still counts as one look, not as a slow client. */
const LOOK_MS = 1_000

type Upload = { stopped: AppError | undefined; isWaiting: boolean; waitedMs: number; bytes: number }

/**
 * Stores the original of a photo that waits for it. The photo keeps waiting as long as its upload goes on, past the link too. Throws
 * `upload-too-slow`; `not-found`, `upload-expired` or `already-uploaded` once the photo waits no longer; and as `putStream`.
 */
export async function storeOriginal(
  app: Pick<App, 'db' | 'storage'>,
  uuid: string,
  content: Readable,
  maxBytes: number,
  least = LEAST,
): Promise<void> {
  const upload: Upload = { stopped: undefined, isWaiting: false, waitedMs: 0, bytes: 0 }
  const keeping = setInterval(async () => {
    // The database is away: the next time may do.
    upload.stopped = await keepWaiting(app, uuid).catch(() => undefined)
  }, KEEP_EVERY_MS)
  const looking = setInterval(() => {
    if (isTooSlow(upload, least))
      content.destroy(new AppError('upload-too-slow', 'The upload brought too few bytes'))
  }, LOOK_MS)
  try {
    await app.storage.putStream(originalKey(uuid), watched(content, upload), maxBytes)
  } finally {
    clearInterval(keeping)
    clearInterval(looking)
  }
}

/** The same bytes, until the upload is stopped; to stop reading them leaves the rest of the form readable. */
async function* watched(content: Readable, upload: Upload): AsyncGenerator<Uint8Array> {
  upload.isWaiting = true
  for await (const chunk of content.iterator({ destroyOnReturn: false })) {
    upload.isWaiting = false
    upload.bytes += chunk.length
    if (upload.stopped) throw upload.stopped
    yield chunk
    upload.isWaiting = true
  }
  upload.isWaiting = false
}

function isTooSlow(upload: Upload, least: typeof LEAST): boolean {
  if (upload.isWaiting) upload.waitedMs += LOOK_MS
  if (upload.waitedMs < least.ms) return false
  const tooSlow = upload.bytes < least.bytes
  upload.waitedMs = 0
  upload.bytes = 0
  return tooSlow
}

/**
 * Confirms what has been stored. Throws `not-found` or `upload-expired` where the photo was deleted or failed meanwhile, and
 * `quota-exceeded`; then the original does not stay.
 */
export async function settleUpload(app: UploadApp, uuid: string): Promise<void> {
  try {
    await confirmUpload(app, uuid)
    const { error_code } = await findPhoto(app.db, uuid)
    if (error_code === UPLOAD_EXPIRED) throw tooLate()
  } catch (error) {
    if (error instanceof AppError && LOST.includes(error.code)) await app.storage.remove(originalKey(uuid))
    throw error
  }
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
