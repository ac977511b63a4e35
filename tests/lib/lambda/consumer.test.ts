import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Context } from 'aws-lambda'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import type { RmqEvent } from '../../../lib/lambda/consumer.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { eventsOf, readEvent, withLambda } from '../../functions/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import { jpeg, pixels, sample } from '../../support/images.ts'
import { freePort, until } from '../../support/service.ts'
import { bytes, openSourceServer, type SourceServer } from '../../support/source-server.ts'

const [EMBEDDED, SERVERS] = SETUPS

/** The sample event with these texts as its messages. */
async function batch(...texts: string[]): Promise<RmqEvent> {
  const event = await readEvent<RmqEvent>('amazon-mq')
  const sampleMessage = Object.values(event.rmqMessagesByQueue)[0]?.[0]
  const messages = texts.map((text) => ({ ...sampleMessage, data: Buffer.from(text).toString('base64') }))
  return { ...event, rmqMessagesByQueue: { 'photo-processor::/': messages } }
}

/** The handler, a server of sources and what it takes to add a photo of one. */
const withHandler = (
  use: (context: {
    app: App
    source: SourceServer
    handler: (event: RmqEvent, context?: Context) => Promise<void>
    add: (name: string) => Promise<string>
  }) => Promise<void>,
) =>
  withLambda(SERVERS, async (app) => {
    const source = await openSourceServer({ '/photo.jpg': bytes(await jpeg(sample(640, 480))) })
    try {
      const { handler } = await import('../../../functions/consumers/process-photo.ts')
      const add = async (name: string) => {
        const [photo] = await addPhotos(app, [{ url: `${source.url}/${name}`, door: 'photos' }])
        return photo?.uuid ?? ''
      }
      await use({ app, source, handler, add })
    } finally {
      await source.close()
    }
  })

const findRow = ({ db }: App, uuid: string) =>
  db.selectFrom('photos').selectAll().where('uuid', '=', uuid).executeTakeFirstOrThrow()

/** So many messages from the dead queue, in the order of their bodies. */
async function takeDead(app: App, count: number) {
  const dead: { body: string; reason: unknown }[] = []
  const consumer = await app.queue.consume('dead', 10, async ({ body, headers }) => {
    dead.push({ body: Buffer.from(body).toString(), reason: headers['x-reason'] })
  })
  await until(() => dead.length >= count)
  await consumer.stop()
  return dead.sort((a, b) => a.body.localeCompare(b.body))
}

describe.skipIf(!isAvailable(SERVERS))('the consumer in Lambda on PostgreSQL and RabbitMQ', () => {
  test('completes the photo, and takes the poison beside it to the dead queue with its reason', () =>
    withHandler(async ({ app, handler, add }) => {
      const uuid = await add('photo.jpg')
      const poison = '{"order":"pizza","slices":8}'
      await handler(await batch(JSON.stringify({ photo_uuid: uuid }), poison))
      expect(await findRow(app, uuid)).toMatchObject({ status: 'completed', attempts: 1, error: null })
      const thumbnails = await app.db.selectFrom('photo_thumbnails').selectAll().execute()
      expect(thumbnails).toMatchObject([{ photo_uuid: uuid, width: 320, height: 240 }])
      const file = await readFile(path.join(app.config.thumbsDir, thumbnails[0]?.url ?? ''))
      expect(await pixels(file)).toMatchObject({ width: 320, height: 240 })
      expect(await takeDead(app, 1)).toEqual([{ body: poison, reason: 'The message names no photo' }])
      expect(await eventsOf(app, 'message.dead')).toMatchObject([
        { photo_uuid: null, detail: 'The message names no photo', published_at: expect.any(String) },
      ])
    }))

  test('understands the sample event as it is: a photo that is unknown, and a poison', () =>
    withHandler(async ({ app, handler }) => {
      await handler(await readEvent<RmqEvent>('amazon-mq'))
      expect(await takeDead(app, 2)).toEqual([
        { body: '{"order":"pizza","slices":8}', reason: 'The message names no photo' },
        { body: '{"photo_uuid":"01890a5d-ac96-774b-bcce-b302099a8057"}', reason: 'There is no such photo' },
      ])
    }))

  test('understands a bare uuid and a JSON string, and several queues in one event', () =>
    withHandler(async ({ app, handler, add }) => {
      const uuids = [await add('photo.jpg'), await add('photo.jpg'), await add('photo.jpg')] as const
      const one = await batch(uuids[0])
      const two = await batch(`"${uuids[1].toUpperCase()}"`, ` ${uuids[2]}\n`)
      const rmqMessagesByQueue = {
        'a::/': Object.values(one.rmqMessagesByQueue).flat(),
        'b::/': Object.values(two.rmqMessagesByQueue).flat(),
      }
      await handler({ ...one, rmqMessagesByQueue })
      for (const uuid of uuids) expect.soft((await findRow(app, uuid)).status).toBe('completed')
      expect(await eventsOf(app, 'message.dead')).toEqual([])
    }))

  test('processes a photo once, though its message comes twice in a batch and again later', () =>
    withHandler(async ({ app, source, handler, add }) => {
      const event = await batch(...Array(3).fill(JSON.stringify({ photo_uuid: await add('photo.jpg') })))
      await handler(event)
      await handler(event)
      expect(source.hits).toHaveLength(1)
      expect(await eventsOf(app, 'image.uploaded')).toHaveLength(1)
    }))

  test('gives back what there was no time for, and does it when it comes again', () =>
    withHandler(async ({ app, handler, add }) => {
      const uuid = await add('photo.jpg')
      const context = { getRemainingTimeInMillis: () => 100 } as Context
      await expect(handler(await batch(uuid), context)).rejects.toThrow('1 messages come back')
      expect(await findRow(app, uuid)).toMatchObject({ status: 'pending', attempts: 0 })
      await handler(await batch(uuid), { ...context, getRemainingTimeInMillis: () => 60_000 })
      expect(await findRow(app, uuid)).toMatchObject({ status: 'completed', attempts: 1 })
    }))

  test('resolves when a photo fails, and leaves its retry to the relay', () =>
    withHandler(async ({ app, source, handler, add }) => {
      source.set('/away.jpg', (_, response) => response.writeHead(503).end())
      const [gone, away] = [await add('gone.jpg'), await add('away.jpg')]
      await handler(await batch(gone, away))
      expect(await findRow(app, gone)).toMatchObject({
        status: 'failed',
        error: expect.stringMatching(/404/),
      })
      expect(await findRow(app, away)).toMatchObject({ status: 'pending', attempts: 1 })
      expect(await eventsOf(app, 'image.queued')).toMatchObject([
        { photo_uuid: away, publish_after: expect.any(String), published_at: null },
      ])
    }))
})

test('the consumer refuses events of another kind', () =>
  withLambda(EMBEDDED, async () => {
    const { handler } = await import('../../../functions/consumers/process-photo.ts')
    for (const event of [
      await readEvent<RmqEvent>('sqs'),
      await readEvent<RmqEvent>('active-mq'),
      await readEvent<RmqEvent>('scheduled'),
      {} as RmqEvent,
      undefined as unknown as RmqEvent,
    ]) {
      const refused = expect(handler(event)).rejects
      await refused.toBeInstanceOf(TypeError)
      await refused.toThrow(/aws:rmq/)
    }
  }))

test('the consumer gives the batch back while the database is away', async () => {
  const DATABASE_URL = `postgres://someone@127.0.0.1:${await freePort()}/none`
  await withLambda(
    EMBEDDED,
    async () => {
      const { handler } = await import('../../../functions/consumers/process-photo.ts')
      await expect(handler(await batch(uuidv7(), 'nonsense'))).rejects.toThrow('2 messages come back')
    },
    { DATABASE_URL },
  )
})
