import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import { processPhotoMessage } from '../functions/consumers/process-photo.ts'
import type { App } from '../lib/app.ts'
import { nowPlus } from '../lib/db/port.ts'
import { createLog } from '../lib/log.ts'
import type { CloudEvent } from '../lib/outbox/event.ts'
import { freeExpired } from '../lib/photos/expired.ts'
import { processPhoto } from '../lib/photos/process.ts'
import { traceFields } from '../lib/trace.ts'
import type { WorkerApp } from '../lib/worker.ts'
import { withStranger } from './contracts/support.ts'
import { insertPhoto, readEvent, withLambda, withServer } from './functions/support.ts'
import { withPipeline } from './lib/photos/support.ts'
import { isAvailable, SETUPS, type Setup } from './support/app.ts'
import { jpeg, sample } from './support/images.ts'
import { DEADLINE_MS, until } from './support/service.ts'
import { bytes, type SourceServer, sequence, status } from './support/source-server.ts'

const picture = await jpeg(sample(400, 300))

const traceOf = (n: number) => String(n).repeat(32)
/** What a client says whose trace is `n`. */
const headerOf = (n: number) => ({ traceparent: `00-${traceOf(n)}-00f067aa0ba902b7-01` })

type Line = { msg: string; trace_id?: string; span_id?: string; photo_uuid?: string; attempt?: number }

/** A pipeline that is served over HTTP, with the lines of its log. */
const withTraced = (
  setup: Setup,
  use: (given: { app: WorkerApp; source: SourceServer; url: string; lines: Line[] }) => Promise<void>,
) =>
  withPipeline(setup, async ({ app: silent, source }) => {
    const lines: Line[] = []
    const log = createLog('debug', { write: (line) => void lines.push(JSON.parse(line) as Line) })
    const app = { ...silent, log }
    source.set('/photo.jpg', bytes(picture))
    await withServer(app, (url) => use({ app, source, url, lines }))
  })

async function post<T>(url: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  expect(answer.ok, await answer.clone().text()).toBe(true)
  return (await answer.json()) as T
}

const tracesIn = async ({ db }: App) =>
  (await db.selectFrom('photos').select('traceparent').orderBy('uuid').execute()).map(
    ({ traceparent }) => traceFields(traceparent ?? undefined).trace_id,
  )

const traceIdOf = (value: unknown) => traceFields(String(value)).trace_id

/** The headers of the messages that listeners get, where there is a broker to ask. */
async function withEventHeaders(app: App, use: (headers: unknown[]) => Promise<void>): Promise<void> {
  const { rabbitmqUrl, queueName } = app.config
  if (!rabbitmqUrl) return use([])
  await until(() => app.queue.isUp())
  await withStranger({ RABBITMQ_URL: rabbitmqUrl }, async (stranger) => {
    const channel = await stranger.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, `${queueName}.photo-app`, 'image.*')
    const headers: unknown[] = []
    await channel.consume(queue, (message) => headers.push(message?.properties.headers?.traceparent), {
      noAck: true,
    })
    await use(headers)
  })
}

describe.for(SETUPS)('a trace on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('goes from the request through message and events into every line of the processing', () =>
    withTraced(setup, async ({ app, source, url, lines }) => {
      await app.queue.publish([], DEADLINE_MS)
      const events: CloudEvent[] = []
      const listener = await app.queue.listen(
        (body) => events.push(JSON.parse(Buffer.from(body).toString())),
        () => {},
      )
      await withEventHeaders(app, async (eventHeaders) => {
        const { uuid } = await post<{ uuid: string }>(
          `${url}/photos`,
          { url: `${source.url}/photo.jpg` },
          headerOf(1),
        )
        expect(await tracesIn(app)).toEqual([traceOf(1)])
        await post(`${url}/photos/process`, [uuid], headerOf(2))
        expect(await tracesIn(app)).toEqual([traceOf(2)])

        const messageHeaders: unknown[] = []
        const consumer = await app.queue.consume('work', 1, async (delivery) => {
          messageHeaders.push(delivery.headers.traceparent)
          await processPhotoMessage.handle(delivery, app)
        })
        await until(
          () => events.some(({ type }) => type === 'image.uploaded'),
          DEADLINE_MS,
          () => lines,
        )
        await until(() => lines.some(({ msg }) => msg === 'completed'))
        await consumer.stop()
        await listener.stop()

        expect(messageHeaders.map(traceIdOf)).toEqual([traceOf(2)])
        expect(events.map(({ type, traceparent }) => [type, traceIdOf(traceparent)])).toEqual([
          ['image.processing', traceOf(2)],
          ['image.uploaded', traceOf(2)],
        ])
        if (setup.servers) await until(() => eventHeaders.length === 2)
        expect(eventHeaders).toEqual(setup.servers ? events.map(({ traceparent }) => traceparent) : [])
        const requests = lines.filter(({ msg }) => msg === 'request')
        expect(requests.map(({ trace_id }) => trace_id)).toEqual([traceOf(1), traceOf(2)])
        const processing = lines.filter(({ attempt }) => attempt !== undefined)
        expect(processing.map(({ msg }) => msg)).toEqual([
          'claimed',
          'downloaded',
          'rendered',
          'stored',
          'completed',
        ])
        for (const line of processing)
          expect(line).toMatchObject({
            photo_uuid: uuid,
            trace_id: traceOf(2),
            span_id: processing[0]?.span_id,
          })
      })
    }),
  )

  on('is stored by every endpoint that creates a photo or asks for one', () =>
    withTraced(setup, async ({ app, source, url }) => {
      const image = `${source.url}/photo.jpg`
      await post(`${url}/photos`, { urls: [image, image] }, headerOf(1))
      await post(`${url}/images`, { filename: 'a.jpg', project_id: 1 }, headerOf(2))
      await post(`${url}/api/v1/images/process`, { imageUrl: image, transformations: [] }, headerOf(3))
      await post(`${url}/v1/images`, { url: image }, headerOf(4))
      await post(`${url}/v1/images/batch`, { urls: [image, image] }, headerOf(5))
      await post(`${url}/v1/images`, { url: image }, { ...headerOf(6), 'idempotency-key': 'a' })
      expect(await tracesIn(app)).toEqual([1, 1, 2, 3, 4, 5, 5, 6].map(traceOf))
    }),
  )

  on('of an upload is that of its link, unless who confirms it names another', () =>
    withTraced(setup, async ({ app, url }) => {
      type Link = { image_id: string; params: Record<string, string> }
      const ask = () => post<Link>(`${url}/images`, { filename: 'a.jpg', project_id: 1 }, headerOf(1))
      const sendForm = async ({ params }: Link, headers: Record<string, string>) => {
        const form = new FormData()
        for (const [name, value] of Object.entries(params)) form.append(name, value)
        form.append('file', new Blob([picture]))
        expect((await fetch(`${url}/uploads`, { method: 'POST', body: form, headers })).status).toBe(204)
      }
      const [first, second, third] = [await ask(), await ask(), await ask()]
      await sendForm(first, {})
      await sendForm(second, headerOf(2))
      await app.storage.put(`originals/${third.image_id}`, picture)
      const confirmed = await fetch(`${url}/images/${third.image_id}/uploaded`, {
        method: 'POST',
        headers: headerOf(3),
      })
      expect(confirmed.status).toBe(202)
      expect(await tracesIn(app)).toEqual([1, 2, 3].map(traceOf))
    }),
  )

  on('is made anew where the request names none, or a malformed one', () =>
    withTraced(setup, async ({ app, source, url, lines }) => {
      const image = { url: `${source.url}/photo.jpg` }
      const malformed = `00-${traceOf(1)}-0000000000000000-01`
      await post(`${url}/photos`, image)
      await post(`${url}/photos`, image, { traceparent: malformed })
      const traces = await tracesIn(app)
      for (const trace of traces) expect(trace).toMatch(/^(?!1{32}|0{32})[0-9a-f]{32}$/)
      expect(new Set(traces).size).toBe(2)
      const requests = () => lines.filter(({ msg }) => msg === 'request')
      await until(() => requests().length === 2)
      expect(requests().map(({ trace_id }) => trace_id)).toEqual(traces)
    }),
  )

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
      await app.db
        .updateTable('photos')
        .set({ lease_until: nowPlus(-1000) })
        .where('status', '=', 'processing')
        .execute()
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
