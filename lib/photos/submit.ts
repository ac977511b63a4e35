import { sql } from 'kysely'
import { NO_OWNER, type Owner } from '../access/caller.ts'
import type { App } from '../app.ts'
import { type Db, isPostgres } from '../db/port.ts'
import { imageRecipe } from '../imaging/recipe.ts'
import { record } from '../outbox/record.ts'
import type { PhotoStatus } from '../photo-status.ts'
import { insertPhotos, urlHash } from './add.ts'
import type { PhotoRow } from './row.ts'

/** What a submission has become: a new job, or the one that was there already. */
type Submission = { job: PhotoRow; duplicate: boolean }

/** Statuses in which an earlier job of the same URL stands in the way of a new one. */
const STANDING: Record<App['config']['duplicateHandling'], readonly PhotoStatus[]> = {
  'allow-retry': [],
  'reuse-completed': ['completed'],
  'reject-active': ['pending', 'processing'],
}

/**
 * Submits images to the v1 door as jobs that are queued at once, in the order given. `DUPLICATE_HANDLING` says what
 * becomes of a URL that has a job already; two jobs of one URL are never active at once under `reject-active`.
 */
export async function submitImages(
  app: Pick<App, 'access' | 'config' | 'db' | 'queue' | 'trace'>,
  urls: readonly string[],
  owner: Owner = NO_OWNER,
): Promise<Submission[]> {
  const { duplicateHandling, thumbnailSize } = app.config
  const submitted = urls.map((url) => ({ url, hash: urlHash(url) }))
  return record(app, async (tx, emit) => {
    const onlyOne = duplicateHandling === 'reject-active'
    if (onlyOne) await lockHashes(tx, submitted)
    const standing = await findLatest(tx, submitted, owner, STANDING[duplicateHandling])
    const taken = new Set(standing.keys())
    const fresh = submitted.filter(({ hash }) => {
      if (taken.has(hash)) return false
      if (onlyOne) taken.add(hash)
      return true
    })
    const recipe = imageRecipe(thumbnailSize)
    const photos = fresh.map(({ url }) => ({ url, door: 'v1' as const, owner, recipe, queued: true }))
    const added = await insertPhotos(app, tx, emit, photos)
    for (const job of added) standing.set(job.url_hash, job)
    const jobs = new Map(fresh.map((one, index) => [one, added[index]]))
    return submitted.map((one) => {
      const job = jobs.get(one)
      return job ? { job, duplicate: false } : { job: standing.get(one.hash) as PhotoRow, duplicate: true }
    })
  })
}

/** Submits one image; see `submitImages`. */
export async function submitImage(
  app: Pick<App, 'access' | 'config' | 'db' | 'queue' | 'trace'>,
  url: string,
  owner: Owner = NO_OWNER,
): Promise<Submission> {
  const [submission] = await submitImages(app, [url], owner)
  return submission as Submission
}

/** Class of the locks below, which keeps them apart from other advisory locks of the database. */
const LOCK_CLASS = 7_203_115

/**
 * Keeps two transactions from submitting the same URL at once; SQLite lets one write at a time anyway. One of 256 locks
 * by the first byte of the hash, in order, so that large batches neither exhaust the locks nor wait for each other.
 */
async function lockHashes(tx: Db, submitted: readonly { hash: string }[]): Promise<void> {
  if (!isPostgres(tx)) return
  const buckets = new Set(submitted.map(({ hash }) => Number.parseInt(hash.slice(0, 2), 16)))
  for (const bucket of [...buckets].sort((a, b) => a - b))
    await sql`select pg_advisory_xact_lock(${sql.lit(LOCK_CLASS)}, ${sql.lit(bucket)})`.execute(tx)
}

/** The latest job by URL hash among those of the owner's project, or of none, in one of the statuses. */
async function findLatest(
  tx: Db,
  submitted: readonly { hash: string }[],
  { projectId }: Owner,
  statuses: readonly PhotoStatus[],
): Promise<Map<string | null, PhotoRow>> {
  if (statuses.length === 0) return new Map()
  const rows = await tx
    .selectFrom('photos')
    .selectAll()
    .where('door', '=', 'v1')
    .where('project_id', projectId === null ? 'is' : '=', projectId)
    .where(
      'url_hash',
      'in',
      submitted.map(({ hash }) => hash),
    )
    .where('status', 'in', statuses)
    .orderBy('created_at')
    .orderBy('uuid')
    .execute()
  return new Map(rows.map((row) => [row.url_hash, row]))
}
