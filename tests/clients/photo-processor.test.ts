import { readdir } from 'node:fs/promises'
import path from 'node:path'
import amqplib from 'amqplib'
import pg from 'pg'
import { expect, test } from 'vitest'
import { insertPhoto, post, send, withServer } from '../functions/support.ts'
import { type Environment, isAvailable, SETUPS, withApp } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { queuedDuring } from '../support/queue.ts'
import { getJson } from '../support/service.ts'
import { eventually, serve, withService } from './support.ts'

const [EMBEDDED, SERVERS] = SETUPS

/** The bodies that clients were seen to send for one photo or several. */
const BODIES: Record<string, (uuids: string[]) => unknown> = {
  'a list': (uuids) => uuids,
  'a list named uuids': (uuids) => ({ uuids }),
  'a list named payload': (uuids) => ({ payload: uuids }),
  'one uuid': ([uuid]) => ({ uuid }),
  'a JSON string': ([uuid]) => JSON.stringify(uuid),
}

test.for(Object.entries(BODIES))('%s queues one message a photo', ([, bodyOf]) =>
  withApp(isAvailable(SERVERS) ? SERVERS : EMBEDDED, (app) =>
    withServer(app, async (url) => {
      const known = [await insertPhoto(app), await insertPhoto(app)].slice(0, mentions(bodyOf))
      let answer: unknown
      const queued = await queuedDuring(app, known.length, async () => {
        const response = await post(`${url}/photos/process`, bodyOf(known))
        expect(response.status).toBe(202)
        answer = await response.json()
      })
      expect(answer).toEqual({ accepted: known, rejected: [] })
      expect(queued.toSorted()).toEqual(known.toSorted())
    }),
  ),
)

/** How many of two uuids a body has. */
const mentions = (bodyOf: (uuids: string[]) => unknown) =>
  ['one', 'two'].filter((word) => JSON.stringify(bodyOf(['one', 'two'])).includes(word)).length

test('what is no such body is 422, and a body without a type 415', () =>
  withApp(EMBEDDED, (app) =>
    withServer(app, async (url) => {
      const known = await insertPhoto(app)
      const process = `${url}/photos/process`
      for (const body of [
        { payload: [] },
        { uuid: 'x' },
        { payload: known },
        { uuid: [known] },
        'null',
        '"x"',
      ])
        expect((await post(process, body)).status).toBe(422)
      // As curl -d sends it.
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await send(process, 'POST', `["${known}"]`, form)
      expect(answer.status).toBe(415)
      expect((await getJson<{ status: string }>(`${url}/photos/${known}`)).status).toBe('pending')
    }),
  ))

test.skipIf(!isAvailable(SERVERS))(
  'rows inserted by psql become thumbnails on disk, by HTTP and by messages straight to the queue',
  () =>
    withService(
      async (service, sources, env) => {
        const url = serve(sources, 'photo.jpg', await jpeg(sample(640, 480)))
        const client = new pg.Client({ connectionString: env.DATABASE_URL ?? '' })
        await client.connect()
        const rows = async (sql: string) => (await client.query(sql)).rows
        await rows(`insert into photos (url) select '${url}' from generate_series(1, 6)`)
        const pending = await getJson<{ uuid: string }[]>(`${service.url}/photos/pending`)
        const [first = '', ...others] = pending.map(({ uuid }) => uuid)
        expect((await post(`${service.url}/photos/process`, [first])).status).toBe(202)
        await publish(env, [
          others[0] ?? '',
          JSON.stringify(others[1]),
          JSON.stringify({ uuid: others[2] }),
          JSON.stringify({ photo_uuid: others[3] }),
          JSON.stringify([others[4]]),
        ])
        await eventually(async () => {
          const [{ done }] = await rows(`select count(*)::int as done from photos where status = 'completed'`)
          return done === 6 || undefined
        })
        const thumbnails = await rows('select photo_uuid, width, height, url from photo_thumbnails')
        expect(thumbnails.map(({ photo_uuid }) => photo_uuid).toSorted()).toEqual(
          [first, ...others].toSorted(),
        )
        for (const thumbnail of thumbnails) {
          expect(thumbnail).toMatchObject({ width: 320, height: 240 })
          const file = path.join(env.THUMBS_DIR ?? '', thumbnail.url)
          expect(await readdir(path.dirname(file))).toContain(path.basename(file))
        }
        await client.end()
      },
      ({ STORAGE_DIR }) => ({ THUMBS_DIR: path.join(path.dirname(STORAGE_DIR ?? ''), 'waldo-app-thumbs') }),
      SERVERS,
    ),
)

/** Publishes as a client does that knows the queue and nothing else. */
async function publish({ RABBITMQ_URL = '', QUEUE_NAME = '' }: Environment, bodies: string[]): Promise<void> {
  const connection = await amqplib.connect(RABBITMQ_URL)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue(QUEUE_NAME, { durable: true })
  for (const body of bodies) channel.sendToQueue(QUEUE_NAME, Buffer.from(body))
  await channel.waitForConfirms()
  await connection.close()
}
