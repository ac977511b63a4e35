import { type App, openApp } from '../../lib/app.ts'
import { consumer } from '../../lib/function.ts'
import { lambdaConsumer } from '../../lib/lambda/consumer.ts'
import { enqueueDeliveries } from '../../lib/notifications/enqueue.ts'
import { recordDeadLetter } from '../../lib/outbox/dead-letters.ts'
import { parseCloudEvent } from '../../lib/outbox/message.ts'

/** Logs what happens to photos and enqueues the deliveries of each event, which the schedule `deliver` sends. */
export const notify = consumer<App>({
  from: 'notifications',
  access: 'internal',
  async handle(message, app) {
    const event = parseCloudEvent(message.body)
    if (!event)
      return recordDeadLetter(app, message, 'The message is not an event of a photo', 'notifications')
    const { id, type, subject, data } = event
    app.log.info(
      { event_id: id, type, photo_uuid: subject, status: data.status, code: data.error?.code },
      'photo event',
    )
    await enqueueDeliveries(app, event)
  },
})

export const handler = lambdaConsumer(notify, openApp)
