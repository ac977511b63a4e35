import { randomUUID } from 'node:crypto'
import { awayCode, awayError } from '../away.ts'
import { AppError } from '../errors.ts'
import type { RenderedImage } from '../imaging/index.ts'
import type { Recipe } from '../imaging/recipe.ts'
import { renditionPath } from '../renditions/path.ts'
import { renditionKey } from '../storage/port.ts'
import { continueTrace, traceFields } from '../trace.ts'
import type { WorkerApp } from '../worker.ts'
import { keepAtHand } from './at-hand.ts'
import { claim, complete, fail, markRenderBegan, renew, retryLater } from './attempt.ts'
import { countSource } from './count-source.ts'
import { removeAbandoned } from './files.ts'
import { findPendingUrls, handBack } from './hand-back.ts'
import type { Attempt, StoredRendition } from './held.ts'
import { type PhotoRow, recipeOf } from './row.ts'
import { openSource, type Source } from './source.ts'
import { startTimings } from './timings.ts'

/** How often a step is tried while it finds something away that is there for others: some 30 s. */
const MOST_TRIES = 30

/** Longest delay between two attempts, in ms. */
const MAX_BACKOFF_MS = 3_600_000

export type Outcome = 'completed' | 'failed' | 'retried' | 'handed-back' | 'not-claimed' | 'lost'

/**
 * The pipeline: claims a pending photo, fetches its source, renders it, stores the files, completes the row. May be
 * killed at any point and run again, or twice at once: the row decides who writes, and files end the same. A photo whose
 * source would have to wait for slow ones is not claimed, but queued again for later; and none is while database or storage
 * are away: then what is held waits, each step for itself.
 */
export async function processPhoto(app: WorkerApp, uuid: string): Promise<Outcome> {
  const { hold } = app
  const url = (await hold.run(() => findPendingUrls(app.db, [uuid]))).get(uuid)
  if (url === undefined) return 'not-claimed'
  const source = openSource(app, url)
  const letGo = keepAtHand(app, uuid)
  try {
    if (!(await enterSource(app, uuid, source))) return 'handed-back'
    const token = randomUUID()
    const attempt = await hold.run(() => claim(app, uuid, token))
    letGo()
    return attempt ? await runAttempt(app, attempt, source) : 'not-claimed'
  } finally {
    letGo()
    source.release()
  }
}

/** Waits until the source may be read and nothing is away; false where the photo was handed back instead. */
async function enterSource(app: WorkerApp, uuid: string, source: Source): Promise<boolean> {
  const { hold } = app
  try {
    await hold.clear()
    await source.enter()
    await hold.clear()
    return true
  } catch (error) {
    source.release()
    if (!(error instanceof AppError)) throw error
    await hold.run(() => handBack(app, [{ uuid, error }]))
    app.log.info({ photo_uuid: uuid, reason: error.message, delay_ms: error.retryAfterMs }, 'handed back')
    return false
  }
}

async function runAttempt(given: WorkerApp, attempt: Attempt, source: Source): Promise<Outcome> {
  const { photo } = attempt
  const trace = continueTrace(photo.traceparent)
  const log = given.log.child({ photo_uuid: photo.uuid, attempt: photo.attempts, ...traceFields(trace) })
  const app = { ...given, trace, log }
  const timings = startTimings(app, photo)
  const lease = keepLease(app, attempt)
  const held = <T>(step: () => Promise<T>) => app.hold.run(step, { signal: lease.signal, most: MOST_TRIES })
  try {
    const data = await held(() => source.read(photo, lease.signal))
    timings.end('download', 'downloaded', { url: photo.url, bytes: data.byteLength })
    await held(() => countSource(app, photo, data.byteLength))
    const recipe = recipeOf(photo)
    const rendered = await held(() => app.imaging.render(data, recipe, () => noteRender(app, attempt)))
    source.release()
    timings.rendered(rendered.timings)
    lease.signal.throwIfAborted()
    const stored: StoredRendition[] = []
    for (const image of rendered.renditions) stored.push(await held(() => store(app, photo, recipe, image)))
    timings.end('store', 'stored', { files: stored.length })
    if (!(await app.hold.run(() => complete(app, attempt, stored, rendered.source))))
      return await lose(app, photo)
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

/**
 * Notes that the render begins: meanwhile, where it runs elsewhere; before it, where it runs in this thread, which could do
 * nothing else until its end.
 */
function noteRender(app: WorkerApp, attempt: Attempt): Promise<void> | undefined {
  const noted = markRenderBegan(app.db, [attempt])
  if (app.config.workerThreads === 0) return noted
  // Without the note, an attempt that ends its worker is given back; not for ever.
  noted.catch((error: Error) => app.log.warn({ err: error }, 'the begin of a render was not noted'))
  return undefined
}

/** Leaves the photo to whoever holds it now. */
async function lose(app: WorkerApp, photo: PhotoRow): Promise<Outcome> {
  app.log.warn('lost to another worker')
  await app.hold.run(() => removeAbandoned(app, photo))
  return 'lost'
}

/**
 * Renews the lease at a third of its length, and as soon as the database is back; its signal aborts when the photo has been
 * lost to another worker.
 */
function keepLease(app: WorkerApp, attempt: Attempt) {
  const lost = new AbortController()
  const ended = new AbortController()
  let isRenewing = false
  const keep = async () => {
    if (isRenewing) return
    isRenewing = true
    const kept = await app.hold.run(() => renew(app, attempt), { signal: ended.signal }).catch(() => true)
    isRenewing = false
    if (!kept) lost.abort(new AppError('lease-lost', 'Another worker holds the photo'))
  }
  const timer = setInterval(keep, app.config.leaseMs / 3)
  return {
    signal: lost.signal,
    end() {
      clearInterval(timer)
      ended.abort()
    },
  }
}

async function store(
  app: WorkerApp,
  photo: PhotoRow,
  recipe: Recipe,
  image: RenderedImage,
): Promise<StoredRendition> {
  const { name, format, width, height, data } = image
  const url = renditionPath(photo.uuid, recipe, image, app.config.thumbsLayout)
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
    const isOurs = await app.hold.run(() => retryLater(app, attempt, error, { delayMs, isCounted }))
    if (!isOurs) return 'lost'
    app.log.info({ code, delay_ms: delayMs }, 'retried')
    return 'retried'
  }
  if (!(await app.hold.run(() => fail(app, attempt, error)))) return 'lost'
  app.log.warn({ code }, 'failed')
  return 'failed'
}

/** Exponential with full jitter on the upper half: attempt n waits between half of and all of base * 2^(n-1) ms. */
function backoff(baseMs: number, attempt: number): number {
  const most = Math.min(baseMs * 2 ** (attempt - 1), MAX_BACKOFF_MS)
  return Math.ceil(most / 2 + (Math.random() * most) / 2)
}

/** What is no broken rule is a fault that passes; details stay in the log. */
function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const away = awayCode(error)
  return away
    ? awayError(away, error)
    : new AppError('internal-fault', 'The service failed', { cause: error })
}
