import { type App, openApp } from '../../lib/app.ts'
import { grouped } from '../../lib/db/grouped.ts'
import { consumer } from '../../lib/function.ts'
import { lambdaConsumer } from '../../lib/lambda/consumer.ts'
import { enqueueDeliveries } from '../../lib/notifications/enqueue.ts'
import { recordDeadLetter } from '../../lib/outbox/dead-letters.ts'
import { parseEventId } from '../../lib/outbox/message.ts'
import { findEvents } from '../../lib/outbox/replay.ts'

/** What comes at the same time is one statement. */
const findTogether = grouped(findEvents)

/** Logs what happens to photos and enqueues the deliveries of each event, which the schedule `deliver` sends. */
export const notify = consumer<App>({
  from: 'notifications',
  access: 'internal',
  async handle(message, app) {
    const named = parseEventId(message.body)
    if (!named)
      return recordDeadLetter(app, message, 'The message is not an event of a photo', 'notifications')
    // What is sent is signed: the row counts, whatever the message says.
    const event = (await findTogether(app.db, [named])).get(named)
    if (!event) return recordDeadLetter(app, message, 'There is no such event', 'notifications')
    const { id, type, subject, data } = event
    app.log.info(
      { event_id: id, type, photo_uuid: subject, status: data.status, code: data.error?.code },
      'photo event',
    )
    await enqueueDeliveries(app, event)
  },
})

export const handler = lambdaConsumer(notify, openApp)
