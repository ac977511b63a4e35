import { consumer } from '../../lib/function.ts'
import { lambdaConsumer } from '../../lib/lambda/consumer.ts'
import { recordDeadLetter } from '../../lib/outbox/dead-letters.ts'
import { parseWorkMessage } from '../../lib/outbox/message.ts'
import { processPhoto } from '../../lib/photos/process.ts'
import { continueTrace, traceFields } from '../../lib/trace.ts'
import { openWorkerApp, type WorkerApp } from '../../lib/worker.ts'

/** Processes the photo that a message names. */
export const processPhotoMessage = consumer<WorkerApp>({
  from: 'work',
  async handle(message, opened) {
    const app = { ...opened, trace: continueTrace(message.headers.traceparent) }
    const uuid = parseWorkMessage(message.body)
    if (!uuid) return recordDeadLetter(app, message, 'The message names no photo')
    const outcome = await processPhoto(app, uuid)
    if (outcome === 'not-claimed' && !(await exists(app, uuid)))
      return recordDeadLetter(app, message, 'There is no such photo')
    if (outcome === 'not-claimed')
      app.log.info({ photo_uuid: uuid, ...traceFields(app.trace) }, 'message ignored')
  },
})

export const handler = lambdaConsumer(processPhotoMessage, openWorkerApp)

const exists = async ({ db }: WorkerApp, uuid: string) =>
  (await db.selectFrom('photos').select('uuid').where('uuid', '=', uuid).executeTakeFirst()) !== undefined
