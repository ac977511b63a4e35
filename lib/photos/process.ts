import { AppError } from '../errors.ts'
import type { RenderedImage } from '../imaging/index.ts'
import type { Recipe } from '../imaging/recipe.ts'
import { renditionPath } from '../renditions/path.ts'
import { isOriginal, renditionKey } from '../storage/port.ts'
import { continueTrace, traceFields } from '../trace.ts'
import type { WorkerApp } from '../worker.ts'
import { claim, complete, fail, renew, retryLater } from './attempt.ts'
import { removeAbandoned } from './files.ts'
import type { Attempt, StoredRendition } from './held.ts'
import { type PhotoRow, recipeOf } from './row.ts'
import { startTimings } from './timings.ts'

/** Longest delay between two attempts, in ms. */
const MAX_BACKOFF_MS = 3_600_000

export type Outcome = 'completed' | 'failed' | 'retried' | 'not-claimed' | 'lost'

/**
 * The pipeline: claims a pending photo, fetches its source, renders it, stores the files, completes the row. May be
 * killed at any point and run again, or twice at once: the row decides who writes, and files end the same.
 */
export async function processPhoto(given: WorkerApp, uuid: string): Promise<Outcome> {
  const attempt = await claim(given, uuid)
  if (!attempt) return 'not-claimed'
  const { photo } = attempt
  const trace = continueTrace(photo.traceparent)
  const log = given.log.child({ photo_uuid: photo.uuid, attempt: photo.attempts, ...traceFields(trace) })
  const app = { ...given, trace, log }
  const timings = startTimings(app, photo)
  const lease = keepLease(app, attempt)
  try {
    const recipe = recipeOf(photo)
    const source = await fetchSource(app, photo, lease.signal)
    timings.end('download', 'downloaded', { url: photo.url, bytes: source.data.byteLength })
    const rendered = await app.imaging.render(source.data, recipe).finally(source.release)
    timings.rendered(rendered.timings)
    lease.signal.throwIfAborted()
    const stored: StoredRendition[] = []
    for (const image of rendered.renditions) stored.push(await store(app, photo, recipe, image))
    timings.end('store', 'stored', { files: stored.length })
    if (!(await complete(app, attempt, stored, rendered.source))) return await lose(app, photo)
    timings.completed()
    return 'completed'
  } catch (error) {
    return lease.signal.aborted
      ? await lose(app, photo)
      : await settleFailure(app, attempt, asAppError(error))
  } finally {
    lease.end()
  }
}

/** Leaves the photo to whoever holds it now. */
async function lose(app: WorkerApp, photo: PhotoRow): Promise<Outcome> {
  app.log.warn('lost to another worker')
  await removeAbandoned(app, photo)
  return 'lost'
}

/** Renews the lease at a third of its length; its signal aborts when the photo has been lost to another worker. */
function keepLease(app: WorkerApp, attempt: Attempt) {
  const lost = new AbortController()
  const timer = setInterval(async () => {
    const kept = await renew(app, attempt).catch(() => true)
    if (!kept) lost.abort(new AppError('lease-lost', 'Another worker holds the photo'))
  }, app.config.leaseMs / 3)
  return { signal: lost.signal, end: () => clearInterval(timer) }
}

/** Whether a source is fetched from elsewhere, and not read from the storage. */
const isRemote = (url: string) => /^https?:/i.test(url)

/** A source, and what gives its memory back. */
type Source = { data: Uint8Array; release?: () => void }

async function fetchSource(
  app: WorkerApp,
  { url, source_etag }: PhotoRow,
  signal: AbortSignal,
): Promise<Source> {
  if (isRemote(url)) return app.downloader.fetch(url, signal)
  if (!isOriginal(url))
    throw new AppError('invalid-source', 'The source is neither an http(s) URL nor a stored original')
  const original = await app.storage.read(url, app.config.maxSourceBytes, source_etag ?? undefined)
  if (!original) throw new AppError('source-missing', 'The stored original is gone')
  return { data: original }
}

async function store(
  app: WorkerApp,
  photo: PhotoRow,
  recipe: Recipe,
  image: RenderedImage,
): Promise<StoredRendition> {
  const { name, format, width, height, data } = image
  const url = renditionPath(photo.uuid, recipe, image)
  await app.storage.put(renditionKey(url), data)
  return { name, format, width, height, url, bytes: data.byteLength }
}

/** Queues the photo again after a failed attempt, where a later one may succeed; else fails it for good. */
async function settleFailure(app: WorkerApp, attempt: Attempt, error: AppError): Promise<Outcome> {
  const { attempts } = attempt.photo
  const { code, message: reason, cause } = error
  app.log.warn({ code, reason, err: cause }, 'attempt failed')
  const { maxAttempts, retryBaseMs } = app.config
  // What may be tried without end does not count: the attempts that are left are for when it works again.
  const isCounted = error.mostAttempts !== Number.POSITIVE_INFINITY
  const most = Math.min(maxAttempts, error.mostAttempts ?? maxAttempts)
  if (error.retry && (attempts < most || !isCounted)) {
    const delayMs = Math.max(backoff(retryBaseMs, attempts), error.retryAfterMs ?? 0)
    if (!(await retryLater(app, attempt, error, { delayMs, isCounted }))) return 'lost'
    app.log.info({ code, delay_ms: delayMs }, 'retried')
    return 'retried'
  }
  if (!(await fail(app, attempt, error))) return 'lost'
  app.log.warn({ code }, 'failed')
  return 'failed'
}

/** Exponential with full jitter on the upper half: attempt n waits between half of and all of base * 2^(n-1) ms. */
function backoff(baseMs: number, attempt: number): number {
  const most = Math.min(baseMs * 2 ** (attempt - 1), MAX_BACKOFF_MS)
  return Math.ceil(most / 2 + (Math.random() * most) / 2)
}

/** What is no broken rule is a fault of storage, database or machine, which passes; details stay in the log. */
const asAppError = (error: unknown): AppError =>
  error instanceof AppError ? error : new AppError('internal-fault', 'The service failed', { cause: error })
