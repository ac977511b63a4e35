import { describe, expect, test } from 'vitest'
import { processPhotoMessage } from '../functions/consumers/process-photo.ts'
import type { App } from '../lib/app.ts'
import type { CloudEvent } from '../lib/outbox/event.ts'
import { withStranger } from './contracts/support.ts'
import { isAvailable, SETUPS } from './support/app.ts'
import { DEADLINE_MS, until } from './support/service.ts'
import { headerOf, picture, traceIdOf, traceOf, tracesIn, withTraced } from './support/tracing.ts'

async function post<T>(url: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  expect(answer.ok, await answer.clone().text()).toBe(true)
  return (await answer.json()) as T
}

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
})
