import type { App } from '../app.ts'
import { grouped } from '../db/grouped.ts'
import type { Db } from '../db/port.ts'
import type { ReceivedMessage, Source } from '../queue/port.ts'
import { traceFields } from '../trace.ts'
import { writeLetter } from './dead-letter.ts'
import type { NewEvent } from './event.ts'
import { record } from './record.ts'

type DeadLettersApp = Pick<App, 'access' | 'db' | 'queue' | 'log' | 'metrics' | 'trace'>

/**
 * Records a message that cannot be understood as an event, which is published to the dead queue with its reason. Resolves after the
 * commit. Many such messages cost one statement and one publication together: they delay nobody's photo.
 */
export async function recordDeadLetter(
  app: DeadLettersApp,
  message: ReceivedMessage,
  reason: string,
  from: Source = 'work',
): Promise<void> {
  app.log.warn({ reason, ...traceFields(app.trace) }, 'dead message')
  const traceparent = app.trace ?? null
  const event = {
    type: 'message.dead',
    photoUuid: null,
    detail: reason,
    data: writeLetter(message.body, reason, from),
    traceparent,
  } as const
  await recordTogether(app.db, [{ app, event }])
  app.metrics.dead.inc()
}

const recordTogether = grouped<Db, { app: DeadLettersApp; event: NewEvent }, void>(async (_db, letters) => {
  const [first] = letters
  if (!first) return
  await record(first.app, async (_tx, emit) => {
    for (const { event } of letters) emit(event)
  })
})
