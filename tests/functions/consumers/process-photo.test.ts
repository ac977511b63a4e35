import { randomUUID } from 'node:crypto'
import amqplib from 'amqplib'
import { describe, expect, test } from 'vitest'
import { processPhotoMessage } from '../../../functions/consumers/process-photo.ts'
import type { App } from '../../../lib/app.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import { requestProcessing } from '../../../lib/photos/request.ts'
import type { ReceivedMessage } from '../../../lib/queue/port.ts'
import type { WorkerApp } from '../../../lib/worker.ts'
import { runRelay, runWorker } from '../../../scripts/serve/roles.ts'
import { addPhoto, expectCompleted, expectFailed, inspect, withPipeline } from '../../lib/photos/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { DEADLINE_MS, until } from '../../support/service.ts'
import { bytes, sequence, status } from '../../support/source-server.ts'
import { eventsOf, insertPhoto } from '../support.ts'

const picture = await jpeg(sample(400, 300))

/** Sends messages as another program does, and consumes until each has been handled. */
async function deliver(app: WorkerApp, bodies: readonly (Uint8Array | string)[]): Promise<void> {
  if (!app.config.rabbitmqUrl) {
    for (const body of bodies) {
      await processPhotoMessage.handle({ body: Buffer.from(body), headers: {}, redelivered: false }, app)
    }
    return
  }
  let handled = 0
  const consumer = await app.queue.consume('work', 4, async (delivery) => {
    await processPhotoMessage.handle(delivery, app)
    handled++
  })
  await sendRaw(app, app.config.rabbitmqUrl, bodies)
  await until(() => handled >= bodies.length)
  await consumer.stop()
  expect(handled).toBe(bodies.length)
  expect(await taken(app, 'work')).toEqual([])
}

async function sendRaw(
  { config }: App,
  url: string,
  bodies: readonly (Uint8Array | string)[],
): Promise<void> {
  const connection = await amqplib.connect(url)
  const channel = await connection.createConfirmChannel()
  for (const body of bodies) channel.sendToQueue(config.queueName, Buffer.from(body))
  await channel.waitForConfirms()
  await connection.close()
}

const LAST = 'last'

/** What lies in a queue, taken out of it. */
async function taken(app: App, from: 'work' | 'dead'): Promise<ReceivedMessage[]> {
  const deliveries: ReceivedMessage[] = []
  const consumer = await app.queue.consume(from, 100, async (delivery) => void deliveries.push(delivery))
  await app.queue.publish([{ id: LAST, to: from, key: '', body: LAST }], DEADLINE_MS)
  const isLast = ({ body }: ReceivedMessage) => Buffer.from(body).toString() === JSON.stringify(LAST)
  await until(() => deliveries.some(isLast))
  await consumer.stop()
  return deliveries.filter((delivery) => !isLast(delivery))
}

const NO_PHOTO = 'The message names no photo'
const unknown = randomUUID()

/** Messages that nobody can understand, and what is kept of them. */
const POISON: [body: Uint8Array | string, kept: string, reason: string][] = [
  ['{"photo_uuid":', '{"photo_uuid":', NO_PHOTO],
  ['{"uuid":"x"}', '{"uuid":"x"}', NO_PHOTO],
  ['{"photo_uuid":7}', '{"photo_uuid":7}', NO_PHOTO],
  ['{"photo_uuid":"../../etc/passwd"}', '{"photo_uuid":"../../etc/passwd"}', NO_PHOTO],
  [`["${unknown}"]`, `["${unknown}"]`, NO_PHOTO],
  ['null', 'null', NO_PHOTO],
  ['42', '42', NO_PHOTO],
  ['', '', NO_PHOTO],
  [Buffer.from([0, 1, 0xff, 0xfe, 0]), '\uFFFD\u0001\uFFFD\uFFFD\uFFFD', NO_PHOTO],
  ['a'.repeat(5000), 'a'.repeat(4096), NO_PHOTO],
  [`{"photo_uuid":"${unknown}"}`, `{"photo_uuid":"${unknown}"}`, 'There is no such photo'],
]

describe.for(SETUPS)('processPhotoMessage on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('sends what it cannot understand to the dead queue with its reason, once', () =>
    withPipeline(setup, async ({ app }) => {
      await deliver(
        app,
        POISON.map(([body]) => body),
      )
      const dead = (await taken(app, 'dead')).map(({ body, headers }) => [
        JSON.parse(Buffer.from(body).toString()) as unknown,
        headers['x-reason'],
      ])
      expect(dead.sort()).toEqual(POISON.map(([, kept, reason]) => [kept, reason]).sort())
      const events = await eventsOf(app, 'message.dead')
      expect(events.map(({ detail }) => detail).sort()).toEqual(POISON.map(([, , reason]) => reason).sort())
      expect(
        events.every(({ published_at, photo_uuid }) => published_at !== null && photo_uuid === null),
      ).toBe(true)
    }),
  )

  on('keeps the beginning of a long text though it ends within a character', () =>
    withPipeline(setup, async ({ app }) => {
      await deliver(app, [`x${'😀'.repeat(2500)}`])
      const dead = await taken(app, 'dead')
      expect(dead.map(({ headers }) => headers['x-reason'])).toEqual([NO_PHOTO])
      expect(JSON.parse(Buffer.from(dead[0]?.body ?? '').toString())).toMatch(/^x(😀){2047}\uFFFD?$/u)
    }),
  )

  on('understands an object, a bare uuid as text and as a JSON string, in either case', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const spell = [
        (uuid: string) => `{"photo_uuid":"${uuid}","more":1}`,
        (uuid: string) => uuid,
        (uuid: string) => `"${uuid}"`,
        (uuid: string) => ` ${uuid.toUpperCase()}\n`,
      ]
      const uuids: string[] = []
      for (const _ of spell) uuids.push(await addPhoto(pipeline, picture))
      await deliver(
        app,
        uuids.map((uuid, i) => spell[i]?.(uuid) ?? ''),
      )
      for (const uuid of uuids) await expectCompleted(pipeline, uuid)
      expect(await taken(app, 'dead')).toEqual([])
    }),
  )

  on('ignores a message for a photo that is completed, failed, init or being processed', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const states: PhotoStatus[] = ['completed', 'failed', 'init', 'processing']
      const uuids = await Promise.all(states.map((status) => insertPhoto(app, { status })))
      const before = await Promise.all(uuids.map((uuid) => inspect(pipeline, uuid)))
      await deliver(app, uuids)
      const after = await Promise.all(uuids.map((uuid) => inspect(pipeline, uuid)))
      expect(after).toEqual(before)
      expect(after.map(({ timeline }) => timeline)).toEqual([[], [], [], []])
      expect(await taken(app, 'dead')).toEqual([])
    }),
  )

  on('does the same message 50 times at once one single time', () =>
    withPipeline(setup, async (pipeline) => {
      const { app, source } = pipeline
      const uuid = await addPhoto(pipeline, picture)
      const worker = await runWorker(app)
      const messages = Array.from({ length: 50 }, (_, i) => ({
        id: String(i),
        to: 'work' as const,
        key: '',
        body: { photo_uuid: uuid },
      }))
      expect((await app.queue.publish(messages, 5_000)).size).toBe(50)
      await until(async () => (await inspect(pipeline, uuid)).photo.status === 'completed')
      // What comes after all of them has been handled.
      await app.queue.publish([{ id: LAST, to: 'work', key: '', body: LAST }], DEADLINE_MS)
      await until(async () => (await eventsOf(app, 'message.dead')).length === 1)
      await worker.stop()
      await expectCompleted(pipeline, uuid)
      expect(await eventsOf(app, 'image.processing')).toHaveLength(1)
      expect(await eventsOf(app, 'image.uploaded')).toHaveLength(1)
      expect(source.hits).toHaveLength(1)
      expect(await taken(app, 'work')).toEqual([])
    }),
  )

  on('tries again by itself until it succeeds or MAX_ATTEMPTS are used up', () =>
    withPipeline(
      setup,
      async (pipeline) => {
        const { app, source } = pipeline
        const recovers = await addPhoto(pipeline, sequence(status(503), status(500), bytes(picture)))
        const never = await addPhoto(pipeline, status(503))
        const rejected = await addPhoto(pipeline, status(404))
        const uuids = [recovers, never, rejected]
        const running = [await runWorker(app), await runRelay(app)]
        await requestProcessing(app, uuids, false)
        const finished = async (uuid: string) =>
          /completed|failed/.test((await inspect(pipeline, uuid)).photo.status)
        await until(async () => (await Promise.all(uuids.map(finished))).every(Boolean))
        await Promise.all(running.map((part) => part.stop()))
        await expectCompleted(pipeline, recovers, 3)
        const { timeline } = await expectFailed(pipeline, never, 'source-unavailable', 3)
        expect(timeline.map((event) => [event.type, event.attempt])).toEqual([
          ['image.queued', null],
          ['image.processing', 1],
          ['image.retrying', 1],
          ['image.queued', 1],
          ['image.processing', 2],
          ['image.retrying', 2],
          ['image.queued', 2],
          ['image.processing', 3],
          ['image.failed', 3],
        ])
        await expectFailed(pipeline, rejected, 'source-rejected')
        expect(source.hits).toHaveLength(7)
      },
      { MAX_ATTEMPTS: '3' },
    ),
  )
})
