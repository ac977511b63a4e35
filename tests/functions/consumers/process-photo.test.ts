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
  // What is sent to a queue that is not there yet is lost.
  await until(() => app.queue.isUp())
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
const PART = 'A part of the message names no photo'
const UNKNOWN = 'There is no such photo'
const unknown = randomUUID()

/** What is kept of a dead message, in bytes. */
const KEPT = 64 * 1024

/** Messages that nobody can understand, and why. */
const POISON: [body: Uint8Array | string, reason: string][] = [
  ['{"photo_uuid":', NO_PHOTO],
  ['{"uuid":"x"}', NO_PHOTO],
  ['{"photo_uuid":7}', NO_PHOTO],
  ['{"photo_uuid":"../../etc/passwd"}', NO_PHOTO],
  ['{"payload":{}}', NO_PHOTO],
  ['[]', NO_PHOTO],
  ['[null,[],7]', NO_PHOTO],
  [`[["${unknown}"]]`, NO_PHOTO],
  ['null', NO_PHOTO],
  ['42', NO_PHOTO],
  ['', NO_PHOTO],
  [Buffer.from([0, 1, 0xff, 0xfe, 0]), NO_PHOTO],
  ['a NUL \0 in a text', NO_PHOTO],
  [`\uFEFF{"naïve": "😀", "control": "\u0007"}\r\n`, NO_PHOTO],
  ['a'.repeat(5000), NO_PHOTO],
  [Buffer.alloc(KEPT, 0xe9), NO_PHOTO],
  [`{"photo_uuid":"${unknown}"}`, UNKNOWN],
  [`["${unknown}"]`, UNKNOWN],
  [`["${unknown}","${randomUUID()}"]`, UNKNOWN],
  [`["${unknown}",7]`, UNKNOWN],
  ['sixteen bytes, or', NO_PHOTO],
  ['sixteen bytes 16', UNKNOWN],
]

const hexOf = (uuid: string) => uuid.replaceAll('-', '')

/** A uuid that is a number in JSON when its dashes are left out. */
const DECIMAL = '12345678-1234-4123-8123-123456789012'

describe.for(SETUPS)('processPhotoMessage on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('sends what it cannot understand to the dead queue with its reason, once', () =>
    withPipeline(setup, async ({ app }) => {
      await deliver(
        app,
        POISON.map(([body]) => body),
      )
      const dead = (await taken(app, 'dead')).map(({ body, headers }) => [
        Buffer.from(body).toString('hex'),
        headers['x-reason'],
        headers['x-source'],
      ])
      const expected = POISON.map(([body, reason]) => [Buffer.from(body).toString('hex'), reason, 'work'])
      expect(dead.sort()).toEqual(expected.sort())
      const events = await eventsOf(app, 'message.dead')
      expect(events.map(({ detail }) => detail).sort()).toEqual(POISON.map(([, reason]) => reason).sort())
      expect(
        events.every(({ published_at, photo_uuid }) => published_at !== null && photo_uuid === null),
      ).toBe(true)
    }),
  )

  on('keeps the beginning of a message of more than 64 KiB, though it ends within a character', () =>
    withPipeline(setup, async ({ app }) => {
      const long = Buffer.from(`x${'😀'.repeat(KEPT / 2)}`)
      await deliver(app, [long])
      const [dead] = await taken(app, 'dead')
      expect(dead?.headers).toMatchObject({ 'x-reason': NO_PHOTO, 'x-bytes': String(long.length) })
      expect(Buffer.from(dead?.body ?? '')).toEqual(long.subarray(0, KEPT))
    }),
  )

  on('understands a uuid as text, JSON string, hex digits, bytes and in an object, in either case', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const spell: ((uuid: string) => string | Uint8Array)[] = [
        (uuid) => `{"photo_uuid":"${uuid}","more":1}`,
        (uuid) => `{"uuid":"${uuid}"}`,
        (uuid) => `{"id":"${hexOf(uuid)}"}`,
        (uuid) => `{"photo_uuid":"${uuid}","id":"a message","uuid":7}`,
        (uuid) => uuid,
        (uuid) => `"${uuid}"`,
        (uuid) => ` ${uuid.toUpperCase()}\n`,
        (uuid) => `["${uuid}"]`,
        (uuid) => hexOf(uuid),
        (uuid) => `"${hexOf(uuid).toUpperCase()}"`,
        (uuid) => Buffer.from(hexOf(uuid), 'hex'),
      ]
      const uuids: string[] = []
      for (const _ of spell) uuids.push(await addPhoto(pipeline, picture))
      const { url } = (await inspect(pipeline, uuids[0] ?? '')).photo
      uuids.push(await insertPhoto(app, { uuid: DECIMAL, url }))
      await deliver(
        app,
        uuids.map((uuid, i) => (spell[i] ?? hexOf)(uuid)),
      )
      for (const uuid of uuids) await expectCompleted(pipeline, uuid)
      expect(await taken(app, 'dead')).toEqual([])
    }),
  )

  on(
    'queues each photo of a list that waits, once, and keeps the list where it does not understand all',
    () =>
      withPipeline(setup, async (pipeline) => {
        const { app } = pipeline
        const waiting: string[] = []
        for (let i = 0; i < 4; i++) waiting.push(await addPhoto(pipeline, picture))
        const [first = '', second = '', third = '', fourth = ''] = waiting
        const failed = await insertPhoto(app, { status: 'failed', error_code: 'corrupt-image', error: 'x' })
        const lists = [
          JSON.stringify([
            first,
            { photo_uuid: second },
            { uuid: second },
            { id: hexOf(third) },
            failed,
            first,
          ]),
          JSON.stringify([first, fourth, 'no photo']),
        ]
        for (const list of [...lists, ...lists.slice(0, 1)])
          await processPhotoMessage.handle({ body: Buffer.from(list), headers: {}, redelivered: false }, app)
        const requests = await eventsOf(app, 'image.queued')
        expect(requests.map(({ photo_uuid }) => photo_uuid).sort()).toEqual([...waiting].sort())
        const worker = await runWorker(app)
        const isDone = async (uuid: string) => (await inspect(pipeline, uuid)).photo.status === 'completed'
        await until(async () => (await Promise.all(waiting.map(isDone))).every(Boolean))
        await worker.stop()
        for (const uuid of waiting) await expectCompleted(pipeline, uuid)
        expect((await inspect(pipeline, failed)).photo).toMatchObject({ status: 'failed', attempts: 0 })
        const dead = await taken(app, 'dead')
        expect(dead.map(({ body }) => Buffer.from(body).toString())).toEqual([lists[1]])
        expect(dead.map(({ headers }) => headers['x-reason'])).toEqual([PART])
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
