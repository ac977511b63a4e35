import type { App } from '../app.ts'
import type { Delivery } from '../queue/port.ts'
import { traceFields } from '../trace.ts'
import { record } from './events.ts'

/** Text of a message kept with its reason when it is dead, in characters. */
const KEPT = 4096

/** A message that cannot be understood is an event like any other, published to the dead queue with its reason. */
export async function bury(
  app: Pick<App, 'db' | 'queue' | 'log' | 'metrics' | 'trace'>,
  delivery: Delivery,
  reason: string,
): Promise<void> {
  const body = Buffer.from(delivery.body)
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
