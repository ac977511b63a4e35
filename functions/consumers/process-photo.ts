import { consumer } from '../../lib/function.ts'
import { lambdaConsumer } from '../../lib/lambda/consumer.ts'
import { recordDeadLetter } from '../../lib/outbox/dead-letters.ts'
import { parseWorkMessage } from '../../lib/outbox/message.ts'
import { findDeleted } from '../../lib/outbox/replay.ts'
import { processPhoto } from '../../lib/photos/process.ts'
import { queueNamed } from '../../lib/photos/request.ts'
import { continueTrace, traceFields } from '../../lib/trace.ts'
import { openWorkerApp, type WorkerApp } from '../../lib/worker.ts'

/** Processes the photo that a message names; of several it queues each by itself. */
export const processPhotoMessage = consumer<WorkerApp>({
  from: 'work',
  access: 'internal',
  async handle(message, opened) {
    const app = { ...opened, trace: continueTrace(message.headers.traceparent) }
    const { uuids, isWhole } = parseWorkMessage(message.body)
    const [uuid, ...more] = uuids
    if (uuid === undefined) return recordDeadLetter(app, message, 'The message names no photo')
    const missing = more.length > 0 ? await queueNamed(app, uuids) : await processNamed(app, uuid)
    const deleted = await findDeleted(app.db, missing)
    if (missing.some((one) => !deleted.has(one)))
      await recordDeadLetter(app, message, 'There is no such photo')
    else if (!isWhole) await recordDeadLetter(app, message, 'A part of the message names no photo')
  },
})

export const handler = lambdaConsumer(processPhotoMessage, openWorkerApp)

/** Processes a photo; returns its uuid where there is no such photo. */
async function processNamed(app: WorkerApp, uuid: string): Promise<string[]> {
  const outcome = await processPhoto(app, uuid)
  if (outcome !== 'not-claimed') return []
  if (!(await exists(app, uuid))) return [uuid]
  app.log.info({ photo_uuid: uuid, ...traceFields(app.trace) }, 'message ignored')
  return []
}

const exists = async ({ db }: WorkerApp, uuid: string) =>
  (await db.selectFrom('photos').select('uuid').where('uuid', '=', uuid).executeTakeFirst()) !== undefined
