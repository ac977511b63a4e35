import { uuidv7 } from 'uuidv7'
import type { Owner, Projects } from '../access/caller.ts'
import type { App } from '../app.ts'
import { isPostgres, nowPlus } from '../db/port.ts'
import type { Door } from '../db/tables/photos.ts'
import { AppError, type ErrorCode, notFound } from '../errors.ts'
import { PROJECT_RECIPE, type Recipe, THUMBNAIL_RECIPE } from '../imaging/recipe.ts'
import { record } from '../outbox/record.ts'
import { isOriginal, originalKey, type UploadForm } from '../storage/port.ts'
import { failUpload } from './fail-upload.ts'
import { findPhoto, type PhotoRow, REQUESTED_ANEW } from './row.ts'

/** How long an upload link is good, in ms. */
const LINK_MS = 15 * 60_000

/** Past the end of a link an upload that began in time may still go on, in ms. */
const GRACE_MS = 60_000

/** How often the sweep looks for an upload that nobody confirmed, in ms, and at how many at once. */
const CHECK_MS = 60_000
const CHECKS = 100

const MAX_FILENAME = 255

/** The code of a photo whose upload did not end in time. */
export const UPLOAD_EXPIRED: ErrorCode = 'upload-expired'

export type UploadApp = Pick<App, 'access' | 'config' | 'db' | 'metrics' | 'queue' | 'storage' | 'trace'>

/** Prepares an image of a project: a row that waits for its bytes, and the form that uploads them. */
export async function createUpload(
  app: UploadApp,
  { filename, owner, maxBytes }: { filename: string; owner: Owner; maxBytes: number },
): Promise<{ uuid: string; form: UploadForm; expiresAt: Date }> {
  const uuid = uuidv7()
  const expiresAt = new Date(Date.now() + LINK_MS)
  const form = await app.storage.signUpload(originalKey(uuid), {
    maxBytes,
    expiresAt,
  })
  await awaitUpload(app, { uuid, door: 'projects', owner, name: filename, recipe: PROJECT_RECIPE })
  return { uuid, form, expiresAt }
}

/** A row that waits for its bytes: the sweep confirms them, or fails the photo after 16 minutes without. Throws `quota-exceeded`. */
export async function awaitUpload(
  app: Pick<App, 'access' | 'db' | 'queue' | 'trace'>,
  photo: { uuid: string; door: Door; owner: Owner; name: string; recipe?: Recipe },
): Promise<void> {
  const { uuid, door, owner, name, recipe = THUMBNAIL_RECIPE } = photo
  await record(app, async (tx, emit) => {
    await app.access.quotas.takePhotos(tx, owner.projectId, 1)
    await tx
      .insertInto('photos')
      .values({
        uuid,
        url: originalKey(uuid),
        status: 'init',
        door,
        project_id: owner.projectId,
        key_id: owner.keyId,
        name,
        recipe: JSON.stringify(recipe),
        check_after: nowPlus(CHECK_MS),
        created_at: nowPlus(),
        updated_at: nowPlus(),
        traceparent: app.trace ?? null,
      })
      .execute()
    emit({ type: 'image.created', photoUuid: uuid })
  })
}

/** What people call an uploaded image: a label, not a path, shown and never opened. Throws `invalid`. */
export function parseFilename(text: string): string {
  const filename = text.trim()
  if (filename.length >= 1 && filename.length <= MAX_FILENAME && !/\p{Cc}/u.test(filename)) return filename
  const detail = `must have 1 to ${MAX_FILENAME} characters, none of them a control character`
  throw new AppError('invalid', `The filename ${detail}`, {
    errors: [{ pointer: '/filename', detail }],
  })
}

/**
 * Confirms an upload and queues the photo, once, however often and from however many sides it is confirmed. What
 * the object was at this moment is what will be processed. Throws `not-found` and `not-uploaded`; and `quota-exceeded` where its
 * project may not have so many bytes, which fails the photo.
 */
export async function confirmUpload(app: UploadApp, id: string): Promise<void> {
  const photo = await findPhoto(app.db, id)
  if (photo.status !== 'init') return
  const found = await findUpload(app, photo)
  if (!found) throw new AppError('not-uploaded', 'The image has not been uploaded yet')
  const traceparent = app.trace ?? photo.traceparent
  const { takeBytes } = app.access.quotas
  const refused = await record(app, async (tx, emit) => {
    const confirmed = await tx
      .updateTable('photos')
      .set({
        ...REQUESTED_ANEW,
        source_etag: found.etag,
        source_bytes: found.bytes,
        traceparent,
      })
      .where('uuid', '=', photo.uuid)
      .where('status', '=', 'init')
      .returning('uuid')
      .executeTakeFirst()
    if (!confirmed) return undefined
    const refused = await refusalOf(() => takeBytes(tx, photo.project_id, found.bytes))
    if (refused) await failUpload(app, { tx, emit }, { uuid: photo.uuid, status: 'pending' }, refused)
    else emit({ type: 'image.queued', photoUuid: photo.uuid, traceparent })
    return refused
  })
  if (!refused) return
  app.metrics.failures.inc({ code: refused.code })
  throw refused
}

/** What `take` refuses, by a rule. */
async function refusalOf(take: () => Promise<void>): Promise<AppError | undefined> {
  try {
    await take()
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}

/** What has been uploaded of a photo. A row whose status somebody has set may have a URL of elsewhere. */
const findUpload = async ({ storage }: UploadApp, { url }: PhotoRow) =>
  isOriginal(url) ? storage.head(url) : undefined

/** The image of that id among those of some projects; a photo of another door is none. */
export async function findProjectImage(
  { db }: Pick<App, 'db'>,
  id: string,
  projects: Projects = '*',
): Promise<PhotoRow> {
  const photo = await findPhoto(db, id, projects)
  if (photo.door !== 'projects') throw notFound('Image')
  return photo
}

/** Confirms uploads that no client confirmed, and fails those whose link has expired. Returns how many. */
export async function checkUploads(app: UploadApp & Pick<App, 'log'>): Promise<number> {
  const due = app.db
    .selectFrom('photos')
    .select('uuid')
    .where('status', '=', 'init')
    // Somebody has set the status of those without a time.
    .where(({ eb, or }) => or([eb('check_after', '<=', nowPlus()), eb('check_after', 'is', null)]))
    .limit(CHECKS)
    .$if(isPostgres(app.db), (query) => query.forUpdate().skipLocked())
  const taken = await app.db
    .updateTable('photos')
    .set({ check_after: nowPlus(CHECK_MS) })
    .where('uuid', 'in', due)
    .returningAll()
    .execute()
  const done = await Promise.all(
    taken.map((photo) =>
      check(app, photo).catch((error: Error) => {
        const level = error instanceof AppError ? 'info' : 'error'
        app.log[level]({ photo_uuid: photo.uuid, err: error }, 'an upload was not confirmed')
        return false
      }),
    ),
  )
  return done.filter(Boolean).length
}

async function check(app: UploadApp, photo: PhotoRow): Promise<boolean> {
  if (await findUpload(app, photo)) {
    await confirmUpload(app, photo.uuid)
    return true
  }
  if (Date.parse(photo.created_at) > Date.now() - LINK_MS - GRACE_MS) return false
  const error = { code: UPLOAD_EXPIRED, message: 'The upload was not finished in time' }
  const done = await record(app, (tx, emit) =>
    failUpload(app, { tx, emit }, { uuid: photo.uuid, status: 'init' }, error),
  )
  if (done) app.metrics.failures.inc({ code: UPLOAD_EXPIRED })
  return done
}
