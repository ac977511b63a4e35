import { expect, test } from 'vitest'
import { receiveUpload } from '../../../functions/consumers/receive-upload.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { eventsOf } from '../support.ts'

test.each([
  ['{"Records":[{"eventName":"s3:ObjectRemoved:Delete","s3":{"object":{"key":"originals/x"}}}]}', 0],
  ['{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"elsewhere/x"}}}]}', 0],
  ['{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"originals/unknown"}}}]}', 0],
  ['{"Event":"s3:TestEvent"}', 0],
  ['{"Records":"none"}', 1],
  ['no json', 1],
])('an S3 event %s leaves %d dead messages', (body, dead) =>
  withApp(SETUPS[0], async (app) => {
    await receiveUpload.handle({ body: Buffer.from(body), headers: {}, redelivered: false }, app)
    expect(await eventsOf(app, 'message.dead')).toHaveLength(dead)
  }),
)
