import type { App } from '../app.ts'
import type { ReceivedMessage } from '../queue/port.ts'
import { traceFields } from '../trace.ts'
import { record } from './record.ts'

/** Characters that are kept of the text of a dead letter. */
const KEPT = 4096

/** Records a message that cannot be understood as an event, which is published to the dead queue with its reason. */
export async function recordDeadLetter(
  app: Pick<App, 'db' | 'queue' | 'log' | 'metrics' | 'trace'>,
  message: ReceivedMessage,
  reason: string,
): Promise<void> {
  const body = Buffer.from(message.body)
    .toString('utf8')
    .slice(0, KEPT)
    .toWellFormed()
    .replaceAll('\0', '\uFFFD')
  app.log.warn({ reason, ...traceFields(app.trace) }, 'dead message')
  await record(app, async (_tx, emit) =>
    emit({ type: 'message.dead', photoUuid: null, detail: reason, data: { body, reason } }),
  )
  app.metrics.dead.inc()
}
