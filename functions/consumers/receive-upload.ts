import type { App } from '../../lib/app.ts'
import { AppError } from '../../lib/errors.ts'
import { consumer } from '../../lib/function.ts'
import { lambdaUploads } from '../../lib/lambda/uploads.ts'
import { recordDeadLetter } from '../../lib/outbox/dead-letters.ts'
import { confirmUpload } from '../../lib/photos/uploads.ts'
import { uploadedKeys } from '../../lib/storage/s3-event.ts'

/** Confirms the uploads that a bucket reports as S3 events. */
export const receiveUpload = consumer<App>({
  from: 'uploads',
  access: 'internal',
  async handle(message, app) {
    const keys = uploadedKeys(message.body)
    if (!keys) return recordDeadLetter(app, message, 'The message is not an S3 event', 'uploads')
    for (const key of keys) await confirm(app, key)
  },
})

export const handler = lambdaUploads(receiveUpload)

/** A bucket reports other objects too, and late: one that is unknown or gone is no fault. */
async function confirm(app: App, key: string): Promise<void> {
  const [, uuid] = /^originals\/([^/]+)$/.exec(key) ?? []
  if (!uuid) return
  await confirmUpload(app, uuid).catch((error) => {
    if (!(error instanceof AppError)) throw error
    app.log.info({ photo_uuid: uuid, code: error.code }, 'upload ignored')
  })
}
