import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import amqplib from 'amqplib'
import { recipeOf } from '../../../lib/photos/row.ts'
import { deadQueue, notificationsQueue } from '../../../lib/queue/topology.ts'
import { renditionKey } from '../../../lib/storage/port.ts'
import { type Heard, TERMINAL } from './heard.ts'
import type { World } from './world.ts'

const QUEUE = 'photo-processor'

/** Longest wait until all has ended after a fault, in ms. */
const SETTLED_MS = 180_000

const TURN_MS = 100

/** Resolves when nothing is left to be done, to what was done last; throws, and says what is left, where that takes too long. */
export async function untilSettled(world: World, patienceMs = SETTLED_MS): Promise<string[]> {
  const deadline = Date.now() + patienceMs
  let last: string[] = []
  for (;;) {
    const left = await findUnsettled(world)
    if (left.length === 0) return last
    last = left
    if (Date.now() > deadline) throw new Error(`not settled within ${patienceMs} ms:\n${left.join('\n')}`)
    await delay(TURN_MS)
  }
}

/** What is still to be done, in words. */
async function findUnsettled({ db, rabbitmq, fleet, heard }: World): Promise<string[]> {
  const photos = await db
    .selectFrom('photos')
    .select(['uuid', 'status'])
    .where('status', 'not in', ['completed', 'failed'])
    .execute()
  const ends = await db
    .selectFrom('events')
    .select(['id', 'photo_uuid'])
    .where('type', 'in', TERMINAL)
    .execute()
  const { events } = await db
    .selectFrom('events')
    .select(({ fn }) => fn.countAll<number>().as('events'))
    .where('publish_after', 'is not', null)
    .where('published_at', 'is', null)
    .executeTakeFirstOrThrow()
  const unheard = (by: keyof World['heard']) =>
    ends
      .filter(({ id, photo_uuid }) => !heard[by].get(photo_uuid ?? '')?.has(id))
      .map(({ photo_uuid }) => `the end of photo ${photo_uuid} was not heard by ${by}`)
  const waiting = await countMessages(rabbitmq.url, [QUEUE, notificationsQueue(QUEUE)])
  return [
    ...photos.map(({ uuid, status }) => `photo ${uuid} is ${status}`),
    ...(events > 0 ? [`${events} events are not published`] : []),
    ...unheard('socket'),
    ...unheard('webhook'),
    ...waiting,
    ...(await fleet.late()).map((member) => `/livez of ${member} fails`),
  ]
}

/** What is broken although all has ended, in words. */
export async function findViolations(world: World): Promise<string[]> {
  const [ofPhotos, ofFiles, ofEvents, dead] = await Promise.all([
    checkPhotos(world),
    checkFiles(world),
    checkEvents(world),
    countMessages(world.rabbitmq.url, [deadQueue(QUEUE)]),
  ])
  return [...ofPhotos, ...ofFiles, ...ofEvents, ...dead]
}

/** What was accepted has ended as its source says, with one row for each rendition; there is nothing else. */
async function checkPhotos({ db, accepted }: World): Promise<string[]> {
  const photos = new Map((await db.selectFrom('photos').selectAll().execute()).map((row) => [row.uuid, row]))
  const names = new Map<string, string[]>()
  for (const { photo_uuid, name } of await db.selectFrom('photo_thumbnails').selectAll().execute())
    names.set(photo_uuid, [...(names.get(photo_uuid) ?? []), name])
  const unknown = [...photos.keys()].filter((uuid) => !accepted.has(uuid))
  const wrong = [...accepted].flatMap(([uuid, expected]) => {
    const photo = photos.get(uuid)
    if (photo?.status !== expected)
      return `photo ${uuid} is ${photo?.status} (${photo?.error_code}), not ${expected}`
    const planned = expected === 'completed' ? recipeOf(photo).renditions.map(({ name }) => name) : []
    const made = names.get(uuid) ?? []
    return made.toSorted().join() === planned.toSorted().join()
      ? []
      : `photo ${uuid} has the renditions ${made}, not ${planned}`
  })
  return [...unknown.map((uuid) => `photo ${uuid} was accepted from nobody`), ...wrong]
}

/** Each rendition and each upload has its file, and each file its row. */
async function checkFiles({ db, storageDir }: World): Promise<string[]> {
  const named = new Map<string, number | undefined>()
  for (const { url, bytes } of await db.selectFrom('photo_thumbnails').select(['url', 'bytes']).execute())
    named.set(renditionKey(url), bytes)
  const uploads = await db.selectFrom('photos').select('url').where('url', 'like', 'originals/%').execute()
  for (const { url } of uploads) named.set(url, undefined)
  const found = await findFiles(storageDir)
  return [
    ...[...named].flatMap(([key, bytes]) => {
      if (!found.has(key)) return `file ${key} is missing`
      return bytes === undefined || found.get(key) === bytes
        ? []
        : `file ${key} has ${found.get(key)} bytes, not ${bytes}`
    }),
    ...[...found.keys()].filter((key) => !named.has(key)).map((key) => `file ${key} has no row`),
  ]
}

/** The bytes of originals and renditions by their keys. The service's own names begin with a dot: parts of uploads stay a while. */
async function findFiles(storageDir: string): Promise<Map<string, number>> {
  const entries = await readdir(storageDir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((file) => path.join(file.parentPath, file.name))
  const keys = files.map((file) => [file, path.relative(storageDir, file)] as const)
  const kept = keys.filter(([, key]) => /^(originals|thumbs)(\/[^./][^/]*)+$/.test(key))
  return new Map(await Promise.all(kept.map(async ([file, key]) => [key, (await stat(file)).size] as const)))
}

/** Each photo has ended once, and nobody has heard anything else. */
async function checkEvents({ db, accepted, heard }: World): Promise<string[]> {
  const recorded: Heard = new Map()
  const rows = await db
    .selectFrom('events')
    .select(['id', 'photo_uuid', 'type'])
    .where('type', 'in', TERMINAL)
    .execute()
  for (const { id, photo_uuid, type } of rows)
    recorded.set(photo_uuid ?? '', new Map(recorded.get(photo_uuid ?? '')).set(id, type))
  const dead = await db
    .selectFrom('events')
    .select(['id', 'detail'])
    .where('type', '=', 'message.dead')
    .execute()
  const typeOf = { completed: 'image.uploaded', failed: 'image.failed' }
  const wrong = [...accepted].flatMap(([uuid, expected]) => {
    const types = [...(recorded.get(uuid)?.values() ?? [])]
    return types.join() === typeOf[expected]
      ? []
      : `photo ${uuid} ended by [${types}], not ${typeOf[expected]}`
  })
  const invented = (['socket', 'webhook'] as const).flatMap((by) =>
    [...heard[by]].flatMap(([uuid, events]) =>
      [...events]
        .filter(([id, type]) => recorded.get(uuid)?.get(id) !== type)
        .map(([id, type]) => `${by} heard ${type} ${id} of photo ${uuid}, which is not recorded`),
    ),
  )
  return [...dead.map(({ id, detail }) => `message ${id} is dead: ${detail}`), ...wrong, ...invented]
}

/** What these queues hold that no consumer has taken, in words; a queue that is missing too. */
async function countMessages(url: string, queues: readonly string[]): Promise<string[]> {
  const connection = await amqplib.connect(url)
  connection.on('error', () => {})
  try {
    const found = queues.map(async (queue) => {
      const channel = await connection.createChannel()
      channel.on('error', () => {})
      const count = await channel.checkQueue(queue).then(
        ({ messageCount }) => messageCount,
        () => 'no such',
      )
      return count === 0 ? [] : `${queue}: ${count} messages wait`
    })
    return (await Promise.all(found)).flat()
  } finally {
    await connection.close().catch(() => {})
  }
}

/** The messages that consumers hold without having acknowledged them, in words: slow, since the broker's own program says it. */
export async function findUnacknowledged({ rabbitmq }: World): Promise<string[]> {
  const { stdout } = (await rabbitmq.control('-q', 'list_queues', 'name', 'messages_unacknowledged')) as {
    stdout: string
  }
  return stdout
    .trim()
    .split('\n')
    .filter((line) => /\t[1-9]\d*$/.test(line))
    .map((line) => `held without an acknowledgement: ${line}`)
}
