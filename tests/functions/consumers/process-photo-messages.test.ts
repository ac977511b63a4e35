import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { processPhotoMessage } from '../../../functions/consumers/process-photo.ts'
import { runWorker } from '../../../scripts/serve/roles.ts'
import { addPhoto, expectCompleted, inspect, withPipeline } from '../../lib/photos/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { until } from '../../support/service.ts'
import { eventsOf, insertPhoto } from '../support.ts'
import { deliver, taken } from './support.ts'

const picture = await jpeg(sample(400, 300))

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

describe.for(SETUPS)('messages to process photos on $name', (setup) => {
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
})
