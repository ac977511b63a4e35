import { expect, test } from 'vitest'
import { originalKey } from '../../../lib/storage/port.ts'
import { insertPhoto, readEvent, withLambda } from '../../functions/support.ts'
import { SETUPS } from '../../support/app.ts'

type S3Event = { Records: { s3: { object: { key: string } } }[] }

test('an S3 event confirms the upload that it tells of, and is no harm when it comes again', () =>
  withLambda(SETUPS[0], async (app) => {
    const uuid = await insertPhoto(app, { status: 'init', door: 'projects', project_id: 1 })
    await app.db
      .updateTable('photos')
      .set({ url: originalKey(uuid) })
      .where('uuid', '=', uuid)
      .execute()
    await app.storage.put(originalKey(uuid), Buffer.from('bytes'))
    const event = await readEvent<S3Event>('s3-upload')
    for (const record of event.Records) record.s3.object.key = originalKey(uuid)
    const { handler } = await import('../../../functions/consumers/receive-upload.ts')
    await handler(event as never)
    await handler(event as never)
    const rows = await app.db.selectFrom('photos').select(['status', 'source_bytes']).execute()
    expect(rows).toEqual([{ status: 'pending', source_bytes: 5 }])
    const queued = await app.db.selectFrom('events').select('id').where('type', '=', 'image.queued').execute()
    expect(queued).toHaveLength(1)
  }))
