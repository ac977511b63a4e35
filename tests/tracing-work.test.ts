import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import { processPhotoMessage } from '../functions/consumers/process-photo.ts'
import { freeExpired } from '../lib/photos/expired.ts'
import { processPhoto } from '../lib/photos/process.ts'
import { expireLeases, insertPhoto, readEvent, withLambda } from './functions/support.ts'
import { isAvailable, SETUPS } from './support/app.ts'
import { DEADLINE_MS, until } from './support/service.ts'
import { bytes, sequence, status } from './support/source-server.ts'
import { headerOf, picture, traceIdOf, traceOf, tracesIn, withTraced } from './support/tracing.ts'

describe.for(SETUPS)('the trace of work on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('of a message by another program is taken for a photo that has none', () =>
    withTraced(setup, async ({ app, source, lines }) => {
      const image = `${source.url}/photo.jpg`
      const [without, withOne] = [
        await insertPhoto(app, { url: image }),
        await insertPhoto(app, { url: image, ...headerOf(7) }),
      ]
      const publish = (photo_uuid: string) => ({
        id: photo_uuid,
        to: 'work' as const,
        key: '',
        body: { photo_uuid },
        headers: headerOf(8),
      })
      await app.queue.publish([publish(without), publish(withOne)], DEADLINE_MS)
      const consumer = await app.queue.consume('work', 1, (delivery) =>
        processPhotoMessage.handle(delivery, app),
      )
      await until(() => lines.filter(({ msg }) => msg === 'completed').length === 2)
      await consumer.stop()
      expect(await tracesIn(app)).toEqual([traceOf(8), traceOf(7)])
      const logged = lines.filter(({ photo_uuid }) => photo_uuid !== undefined)
      expect(logged).toHaveLength(10)
      for (const { photo_uuid, trace_id } of logged)
        expect(trace_id).toBe(traceOf(photo_uuid === without ? 8 : 7))
    }),
  )

  on('stays that of a photo in its retries, those of dead workers included', () =>
    withTraced(setup, async ({ app, source, lines }) => {
      source.set('/flaky.jpg', sequence(status(503), bytes(picture)))
      const flaky = await insertPhoto(app, { url: `${source.url}/flaky.jpg`, ...headerOf(1) })
      const rendering = { lease_token: crypto.randomUUID(), render_began_at: new Date().toISOString() }
      const expired = { status: 'processing', attempts: 1, ...rendering } as const
      const lost = await insertPhoto(app, { ...expired, ...headerOf(2) })
      const given = await insertPhoto(app, { ...expired, attempts: 5, ...headerOf(3) })
      expect(await processPhoto(app, flaky)).toBe('retried')
      await expireLeases(app)
      await freeExpired(app)
      expect(await processPhoto(app, flaky)).toBe('completed')
      const events = await app.db.selectFrom('events').selectAll().orderBy('id').execute()
      const traces = { [flaky]: traceOf(1), [lost]: traceOf(2), [given]: traceOf(3) }
      expect(events.length).toBeGreaterThanOrEqual(6)
      for (const { photo_uuid, traceparent } of events)
        expect(traceIdOf(traceparent)).toBe(traces[photo_uuid ?? ''])
      const logged = lines.filter(({ photo_uuid }) => photo_uuid !== undefined)
      expect(new Set(logged.map(({ photo_uuid }) => photo_uuid))).toEqual(new Set([flaky, lost, given]))
      for (const { photo_uuid, trace_id } of logged) expect(trace_id).toBe(traces[photo_uuid ?? ''])
      expect(lines.filter(({ msg }) => msg === 'retried')).toMatchObject([
        { photo_uuid: flaky, code: 'source-unavailable', attempt: 1, delay_ms: expect.any(Number) },
        { photo_uuid: lost, code: 'worker-lost', attempt: 1 },
      ])
      expect(lines.filter(({ msg }) => msg === 'failed')).toMatchObject([
        { photo_uuid: given, code: 'worker-lost', attempt: 5 },
      ])
    }),
  )
})

describe.for(SETUPS)('a trace in Lambda on $name', (setup) => {
  test.skipIf(!isAvailable(setup))('goes from an event of API Gateway to one of Amazon MQ', () =>
    withLambda(setup, async (app) => {
      const uuid = await insertPhoto(app, { url: 'http://127.0.0.2/photo.jpg' })
      const { handler } = await import('../functions/photos/request-processing.ts')
      const event = await readEvent<APIGatewayProxyEventV2>('post-process')
      const body = JSON.stringify([uuid])
      const headers = { 'content-type': 'application/json', ...headerOf(1) }
      const request = { ...event, headers, body, isBase64Encoded: false }
      expect(await handler(request, {} as Context)).toMatchObject({ statusCode: 202 })
      expect(await tracesIn(app)).toEqual([traceOf(1)])

      await app.db.updateTable('photos').set({ traceparent: null }).execute()
      const { handler: consume } = await import('../functions/consumers/process-photo.ts')
      const traceparent = { bytes: [...Buffer.from(headerOf(2).traceparent)] }
      const data = Buffer.from(uuid).toString('base64')
      await consume({
        eventSource: 'aws:rmq',
        rmqMessagesByQueue: {
          'a::/': [{ basicProperties: { headers: { traceparent, 'x-count': 1 } }, data }],
        },
      })
      expect(await tracesIn(app)).toEqual([traceOf(2)])
      const failed = await app.db
        .selectFrom('events')
        .selectAll()
        .where('type', '=', 'image.failed')
        .execute()
      expect(failed.map((row) => traceIdOf(row.traceparent))).toEqual([traceOf(2)])
    }),
  )
})
