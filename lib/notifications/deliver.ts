import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Sign } from '../access/links.ts'
import type { App } from '../app.ts'
import { isDatabaseAway } from '../away.ts'
import { isPostgres, nowPlus } from '../db/port.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { type CloudEvent, signEvent } from '../outbox/event.ts'
import { type Delivery, isMail, nameOf, type Send, type Target } from './index.ts'
import { sendMail } from './mail.ts'
import { type Slots, slotsOf } from './slots.ts'
import { sendWebhooks } from './webhook.ts'

/** Longest wait of one turn for answers, in ms: what takes longer holds its slot, and the next turn fills the others. */
const PATIENCE_MS = 100

/** While one process sends what it took, the others leave it alone, in ms; longer than any sending takes. */
const TAKEN_MS = 60_000

/** Pause before an outcome is stored again where the database was away, in ms. */
const STORE_AGAIN_MS = 500

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Waits before the second and each later attempt, in ms: those of Standard Webhooks. */
const DELAYS_MS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR]

/** The same where the target did not answer: what one request in ten loses, the next one brings. */
const LOST_DELAYS_MS = [SECOND, ...DELAYS_MS.slice(0, -1)]

/** Codes of requests that were not answered. */
const LOST: readonly ErrorCode[] = ['webhook-timeout', 'webhook-unreachable']

/** A request is lost that has no answer after this, in ms, though the target has taken so many others meanwhile… */
const LOST_AFTER_MS = 5 * SECOND
const OTHERS = 10
/** … but for the later attempts, which have all their time: the target may need it. */
const IMPATIENT_ATTEMPTS = 2

/** How long to wait after so many failed attempts, in ms; undefined where no attempt follows. */
const delayAfter = (attempts: number, code: ErrorCode): number | undefined =>
  (LOST.includes(code) ? LOST_DELAYS_MS : DELAYS_MS)[attempts - 1]

/**
 * Sends deliveries to one target whose time has come, as many as it has slots free; returns how many. Waits for their answers,
 * but not for slow ones. At least once: a process that dies in between leaves them to the next.
 */
export async function deliverDue(app: App, target: Target): Promise<number> {
  if (await isStopped(app, target)) return 0
  const slots = slotsOf(app.db, target)
  if (slots.free() === 0) await briefly(Promise.race(slots.running()))
  const taken = slots.free() > 0 ? await take(app, target, slots.free()) : []
  if (taken.length === 0) return 0
  const send: Send = isMail(target) ? sendMail : sendWebhooks
  const sent = send(app.config, target, taken)
  const settled = taken.map((delivery, index) =>
    slots.hold(
      settle(app, slots, delivery, sent[index] as Promise<void>).catch((error: Error) =>
        // It was taken for a minute; then it is sent again.
        app.log.error({ err: error, event_id: delivery.event_id }, 'outcome of a delivery not stored'),
      ),
    ),
  )
  await briefly(Promise.all(settled))
  return taken.length
}

const briefly = (promise: Promise<unknown>) => Promise.race([promise, delay(PATIENCE_MS)])

const isStopped = async ({ db }: App, target: Target) =>
  (await db
    .selectFrom('stopped_targets')
    .select('target')
    .where('target', '=', target)
    .executeTakeFirst()) !== undefined

async function take({ db, access }: App, target: Target, most: number): Promise<Delivery[]> {
  // Where it throws, no attempt is spent.
  const sign = await access.links.signer()
  const due = db
    .selectFrom('deliveries')
    .select('event_id')
    .where('target', '=', target)
    .where('due', '<=', nowPlus())
    .orderBy('due')
    .limit(most)
    .$if(isPostgres(db), (query) => query.forUpdate().skipLocked())
  const taken = await db
    .updateTable('deliveries')
    .set({ attempts: sql<number>`attempts + 1`, due: nowPlus(TAKEN_MS) })
    .where('target', '=', target)
    .where('event_id', 'in', due)
    .returningAll()
    .execute()
  return taken.flatMap((row) => (row.body === null ? [] : { ...row, body: signBody(row.body, sign) }))
}

/** Links are good from the time at which they are sent. */
const signBody = (body: string, sign: Sign) => JSON.stringify(signEvent(JSON.parse(body) as CloudEvent, sign))

/** Stores the outcome of a delivery, unless another process has taken it meanwhile. */
async function settle(app: App, slots: Slots, delivery: Delivery, sending: Promise<void>): Promise<void> {
  const { event_id, target, attempts } = delivery
  const about = { event_id, target: nameOf(target), attempts }
  const patience = attempts <= IMPATIENT_ATTEMPTS ? expectAnswer(slots, sending) : sending
  const error = await patience.then(
    () => undefined,
    (reason: AppError) => reason,
  )
  slots.note(!error)
  const done = { due: null, error: error?.message ?? null }
  if (!error) app.log.info(about, 'delivered')
  else app.log.warn({ ...about, code: error.code, reason: error.message, err: error.cause }, 'not delivered')
  if (error?.code === 'webhook-gone') return stop(app, target)
  const delayMs = error?.retry ? delayAfter(attempts, error.code) : undefined
  const outcome = app.db
    .updateTable('deliveries')
    .set(
      delayMs === undefined
        ? { ...done, ...(!error && { body: null }) }
        : { ...done, due: nowPlus(Math.max(delayMs, error?.retryAfterMs ?? 0)) },
    )
    .where('event_id', '=', event_id)
    .where('target', '=', target)
    .where('attempts', '=', attempts)
  await whileTaken(app, () => outcome.execute())
}

/** Stores, again and again while the database is away, what would else be sent a second time. */
async function whileTaken({ stopping }: App, store: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + TAKEN_MS
  for (;;) {
    try {
      return void (await store())
    } catch (error) {
      if (!isDatabaseAway(error) || performance.now() > end || stopping.aborted) throw error
      await delay(STORE_AGAIN_MS)
    }
  }
}

/** Rejects where a request is lost; its answer, should it come later, changes nothing. */
async function expectAnswer(slots: Slots, sending: Promise<void>): Promise<void> {
  const before = slots.taken()
  const isLate = await Promise.race([sending.then(() => false), delay(LOST_AFTER_MS, true, { ref: false })])
  if (!isLate || slots.taken() < before + OTHERS) return sending
  throw new AppError(
    'webhook-timeout',
    `The target has not answered for ${LOST_AFTER_MS} ms, and takes others`,
  )
}

/** Sends a target nothing any more, now and after a restart. */
async function stop({ db }: App, target: Target): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx
      .insertInto('stopped_targets')
      .values({ target })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    await tx
      .updateTable('deliveries')
      .set({ due: null, error: 'The target has stopped' })
      .where('target', '=', target)
      .where('due', 'is not', null)
      .execute()
  })
}
