import { consumer } from '../../lib/function.ts'
import { lambdaConsumer } from '../../lib/lambda/consumer.ts'
import { record } from '../../lib/photos/events.ts'
import { photoOf } from '../../lib/photos/message.ts'
import { processPhoto } from '../../lib/photos/process.ts'
import type { Delivery } from '../../lib/queue/index.ts'
import type { WorkerApp } from '../../lib/worker.ts'

/** Text of a message kept with its reason when it is dead, in characters. */
const KEPT = 4096

/** Processes the photo that a message asks for. */
export const processPhotoMessage = consumer<WorkerApp>({
  from: 'work',
  async handle(delivery, app) {
    const uuid = photoOf(delivery.body)
    if (!uuid) return bury(app, delivery, null, 'The message names no photo')
    const outcome = await processPhoto(app, uuid)
    if (outcome === 'not-claimed' && !(await exists(app, uuid)))
      return bury(app, delivery, uuid, 'There is no such photo')
    app.log.info({ photo_uuid: uuid, outcome }, 'message handled')
  },
})

export const handler = lambdaConsumer(processPhotoMessage)

const exists = async ({ db }: WorkerApp, uuid: string) =>
  (await db.selectFrom('photos').select('uuid').where('uuid', '=', uuid).executeTakeFirst()) !== undefined

/** A message that cannot be understood is an event like any other, published to the dead queue with its reason. */
async function bury(
  app: WorkerApp,
  delivery: Delivery,
  photoUuid: string | null,
  reason: string,
): Promise<void> {
  const body = Buffer.from(delivery.body).toString('utf8').slice(0, KEPT).replaceAll('\0', '\uFFFD')
  app.log.warn({ photo_uuid: photoUuid, reason }, 'dead message')
  await record(app, async (_tx, emit) =>
    emit({ type: 'message.dead', photoUuid: null, detail: reason, data: { body, reason } }),
  )
}
