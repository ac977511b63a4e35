import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import amqplib from 'amqplib'
import { uuidv7 } from 'uuidv7'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../support/service.ts'
import { findViolations, untilSettled } from './invariants.ts'
import { openTraffic } from './traffic.ts'
import { type OpenWorld, openWorld } from './world.ts'

let world: OpenWorld
let photo: string
let rendition: { uuid: string; url: string }

beforeAll(async () => {
  world = await openWorld()
  const traffic = openTraffic(world, 50)
  await until(() => world.accepted.size >= 6)
  await traffic.stop()
  await untilSettled(world)
  expect(await findViolations(world)).toEqual([])
  const first = await world.db
    .selectFrom('photo_thumbnails')
    .select(['photo_uuid', 'uuid', 'url'])
    .executeTakeFirstOrThrow()
  photo = first.photo_uuid
  rendition = first
})

afterAll(() => world?.close())

const fileOf = (url: string) => path.join(world.storageDir, 'thumbs', url)

/** What breaks a promise, and what is found then. */
const BREACHES: Record<string, [breach: () => Promise<unknown>, found: () => RegExp]> = {
  'a rendition without its file': [
    () => rm(fileOf(rendition.url)),
    () => RegExp(`^file thumbs/${rendition.url} is missing$`, 'm'),
  ],
  'a file of another length': [
    () => writeFile(fileOf(rendition.url), 'cut off'),
    () => RegExp(`^file thumbs/${rendition.url} has 7 bytes, not \\d+$`, 'm'),
  ],
  'a file without a row': [
    () => writeFile(fileOf('stray.jpg'), 'stray'),
    () => /^file thumbs\/stray\.jpg has no row$/m,
  ],
  'a photo without one of its renditions': [
    () => world.db.deleteFrom('photo_thumbnails').where('uuid', '=', rendition.uuid).execute(),
    () => RegExp(`^photo ${photo} has the renditions .*, not .+$`, 'm'),
  ],
  'an end that came twice': [
    () =>
      world.db
        .insertInto('events')
        .values({ id: uuidv7(), photo_uuid: photo, type: 'image.failed' })
        .execute(),
    () => RegExp(`^photo ${photo} ended by \\[image\\.uploaded,image\\.failed\\], not`, 'm'),
  ],
  'an end that was not recorded': [
    () => world.db.deleteFrom('events').where('photo_uuid', '=', photo).execute(),
    () => RegExp(`^photo ${photo} ended by \\[\\], not image\\.uploaded$`, 'm'),
  ],
  'a photo that ended otherwise': [
    () => world.db.updateTable('photos').set({ status: 'failed' }).where('uuid', '=', photo).execute(),
    () => RegExp(`^photo ${photo} is failed \\(null\\), not completed$`, 'm'),
  ],
  'a photo that nobody submitted': [
    async () => world.accepted.delete(photo),
    () => RegExp(`^photo ${photo} was accepted from nobody$`, 'm'),
  ],
  'a good message that is dead': [
    () => send('photo-processor.dead', JSON.stringify({ photo_uuid: photo })),
    () => /^photo-processor\.dead: 1 messages wait$/m,
  ],
}

test.for(Object.keys(BREACHES))('%s is found', async (name) => {
  const [breach, found] = BREACHES[name] as (typeof BREACHES)[string]
  await breach()
  await until(
    async () => found().test((await findViolations(world)).join('\n')),
    undefined,
    () => findViolations(world),
  )
})

test.for(['socket', 'webhook'] as const)('an end that the %s did not hear is waited for', async (by) => {
  const ended = [...world.heard[by].keys()].find((uuid) => uuid !== photo)
  world.heard[by].delete(ended ?? '')
  await expect(untilSettled(world, 1_000)).rejects.toThrow(`the end of photo ${ended} was not heard by ${by}`)
})

async function send(queue: string, body: string): Promise<void> {
  const connection = await amqplib.connect(world.rabbitmq.url)
  const channel = await connection.createConfirmChannel()
  channel.sendToQueue(queue, Buffer.from(body))
  await channel.waitForConfirms()
  await connection.close()
}
