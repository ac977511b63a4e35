import { execFile } from 'node:child_process'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import amqplib from 'amqplib'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { nowPlus } from '../../lib/db/port.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { isOwner, renewOwner } from '../../lib/photos/owner.ts'
import { processPhoto } from '../../lib/photos/process.ts'
import { planRemoval } from '../../lib/photos/removals.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { originalKey, renditionKey } from '../../lib/storage/port.ts'
import { openWorker } from '../../lib/worker.ts'
import { checkFiles } from '../../scripts/doctor/files.ts'
import type { Finding } from '../../scripts/doctor/finding.ts'
import { checkRows } from '../../scripts/doctor/rows.ts'
import { type Environment, isAvailable, SETUPS, type Setup, withEnvironment } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { openS3Server, type S3Server } from '../support/s3-server.ts'
import { DEADLINE_MS, until } from '../support/service.ts'

/** Runs the command, and gives what it printed and its exit code. */
async function doctor(env: Environment, ...args: string[]) {
  const run = promisify(execFile)(process.execPath, ['scripts/run.mjs', 'doctor', ...args], {
    env: { PATH: process.env.PATH, ...env },
  })
  const { stdout, stderr, code } = await run.then(
    ({ stdout, stderr }) => ({ stdout, stderr, code: 0 }),
    (error: { stdout: string; stderr: string; code: number }) => error,
  )
  return { output: stdout + stderr, code }
}

/** Runs `use` with an open app on a set-up, whose files are in directories or in a bucket. */
const withStored = (
  setup: Setup,
  server: S3Server | undefined,
  use: (app: App, env: Environment) => Promise<void>,
) =>
  withEnvironment(
    setup,
    async (own) => {
      const env = { ...own, ...server?.env, WORKER_THREADS: '0' }
      const app = await openApp(readConfig(env))
      try {
        await use(app, env)
      } finally {
        await app.close()
      }
    },
    'migrated',
  )

/** Photos that are completed, with their renditions. */
async function addCompleted(app: App, count: number): Promise<{ uuid: string; url: string }[]> {
  const worker = openWorker(app)
  const photos: { uuid: string; url: string }[] = []
  for (let i = 0; i < count; i++) {
    const uuid = uuidv7()
    await app.storage.put(originalKey(uuid), await jpeg(sample(64, 48)))
    await addPhotos(app, [{ uuid, url: originalKey(uuid), door: 'page' }])
    expect(await processPhoto(worker, uuid)).toBe('completed')
    const { url } = await app.db
      .selectFrom('photo_thumbnails')
      .select('url')
      .where('photo_uuid', '=', uuid)
      .executeTakeFirstOrThrow()
    photos.push({ uuid, url })
  }
  await worker.close()
  return photos
}

/** Makes all files two hours old: younger ones are left alone. */
async function ageFiles(app: App, server: S3Server | undefined): Promise<void> {
  const longAgo = new Date(Date.now() - 2 * 3_600_000)
  for (const object of server?.objects.values() ?? []) object.modified = longAgo
  if (server) return
  for await (const { key } of app.storage.list('')) {
    const { storageDir, thumbsDir } = app.config
    const file = key.startsWith('thumbs/') ? path.join(thumbsDir, key.slice(7)) : path.join(storageDir, key)
    await utimes(file, longAgo, longAgo)
  }
}

const CASES = [
  { name: 'embedded with directories', setup: SETUPS[0], bucket: false },
  { name: 'PostgreSQL and RabbitMQ with a bucket', setup: SETUPS[1], bucket: true },
] as const

describe.for(CASES)('npm run doctor on $name', ({ setup, bucket }) => {
  test.skipIf(!isAvailable(setup))(
    'says what differs, mends it when asked, and then finds nothing',
    async () => {
      const server = bucket ? await openS3Server() : undefined
      await withStored(setup, server, async (app, env) => {
        const [whole, lost, bare, stuck] = await addCompleted(app, 4)
        if (!whole || !lost || !bare || !stuck) throw new Error('no photos')
        // A queue that is declared, and workers that are gone.
        await until(() => app.queue.isUp())
        await ageFiles(app, server)
        expect(await doctor(env)).toEqual({ output: 'nothing differs\n', code: 0 })

        const orphan = uuidv7()
        await app.storage.put(originalKey(orphan), Buffer.from('an original'))
        await app.storage.put(renditionKey(`ab/${orphan}.jpg`), Buffer.from('a rendition'))
        await ageFiles(app, server)
        const young = uuidv7()
        await app.storage.put(originalKey(young), Buffer.from('being uploaded'))
        await app.storage.remove(renditionKey(lost.url))
        await app.storage.put(renditionKey(bare.url), Buffer.from('half'))
        await app.storage.remove(originalKey(whole.uuid))
        await app.db
          .updateTable('photos')
          .set({ status: 'processing', lease_until: nowPlus(-600_000) })
          .where('uuid', '=', stuck.uuid)
          .execute()

        const said = await doctor(env)
        expect(said.code).toBe(1)
        for (const line of [
          `photos whose original is gone: ${whole.uuid}`,
          `completed photos whose renditions are missing or incomplete: ${lost.uuid}`,
          `completed photos whose renditions are missing or incomplete: ${bare.uuid}`,
          `files without a row: originals/${orphan}`,
          `files without a row: thumbs/ab/${orphan}.jpg`,
          `photos whose worker died, and that no sweep has freed: ${stuck.uuid}`,
          '2 files without a row\n',
        ])
          expect(said.output).toContain(line)
        expect(said.output).not.toContain(young)
        expect(await app.storage.head(originalKey(orphan))).toBeDefined()
        expect((await findPhoto(app.db, lost.uuid)).status).toBe('completed')

        const mended = await doctor(env, '--repair')
        expect(mended, mended.output).toMatchObject({ code: 0 })
        expect(mended.output).toContain('2 files without a row, 2 mended\n')
        for (const { uuid } of [lost, bare, stuck])
          expect(await findPhoto(app.db, uuid)).toMatchObject({
            status: 'pending',
            queued_at: expect.any(String),
          })
        expect(await app.storage.head(originalKey(orphan))).toBeUndefined()
        expect(await app.storage.head(originalKey(young))).toBeDefined()
        expect(await doctor(env)).toEqual({ output: 'nothing differs\n', code: 0 })
      })
      await server?.close()
    },
  )
})

test.skipIf(!isAvailable(SETUPS[1]))(
  'npm run doctor makes missing queues, and queues again what was in them',
  () =>
    withStored(SETUPS[1], undefined, async (app, env) => {
      await until(() => app.queue.isUp())
      await addPhotos(app, [{ url: 'http://127.0.0.1/a.jpg', door: 'photos', queued: true }])
      await app.db
        .updateTable('events')
        .set({ published_at: nowPlus(-60_000) })
        .execute()
      // It would make the queue again.
      await app.queue.close()
      const connection = await amqplib.connect(env.RABBITMQ_URL ?? '')
      const channel = await connection.createChannel()
      await channel.deleteQueue(env.QUEUE_NAME ?? '')
      const said = await doctor(env)
      expect(said.code).toBe(1)
      expect(said.output).toContain(`queues that are missing: ${env.QUEUE_NAME}`)
      expect(said.output).toContain('1 of 1 queued photos have none')
      expect((await doctor(env, '--repair')).code).toBe(0)
      expect(await channel.checkQueue(env.QUEUE_NAME ?? '')).toMatchObject({ messageCount: 0 })
      const waiting = app.db.selectFrom('events').select('id').where('published_at', 'is', null)
      expect(await waiting.execute()).toHaveLength(1)
      await connection.close()
    }),
)

const onServers = test.skipIf(!isAvailable(SETUPS[1]))

onServers('npm run doctor does not say that it has made a queue which it may not declare', () =>
  withEnvironment(
    SETUPS[1],
    async (env) => {
      const app = await openApp(readConfig(env))
      await until(() => app.queue.isUp())
      // While it is open it would declare the queue again.
      await app.close()
      const connection = await amqplib.connect(env.RABBITMQ_URL ?? '')
      const channel = await connection.createChannel()
      await channel.deleteQueue(env.QUEUE_NAME ?? '')
      await connection.close()
      const said = await doctor({ ...env, TOPOLOGY: 'check' }, '--repair')
      expect(said.code).toBe(1)
      expect(said.output).toContain('1 queues that are missing, 0 mended\n')
    },
    'migrated',
  ),
)

onServers('npm run doctor counts as lost what the sweep does, and queues all of it again', () =>
  withStored(SETUPS[1], undefined, async (app, env) => {
    await until(() => app.queue.isUp())
    // More than the sweep queues again in one go.
    const urls = Array.from({ length: 510 }, (_, i) => `http://127.0.0.1/${i}.jpg`)
    const photos = await addPhotos(
      app,
      urls.map((url) => ({ url, door: 'photos' as const, queued: true })),
    )
    const held = photos.slice(0, 5).map(({ uuid }) => uuid)
    await until(async () => (await app.queue.depth()) === photos.length)
    const connection = await amqplib.connect(env.RABBITMQ_URL ?? '')
    const channel = await connection.createChannel()
    await channel.purgeQueue(env.QUEUE_NAME ?? '')
    await connection.close()
    await app.db
      .updateTable('events')
      .set({ published_at: nowPlus(-60_000) })
      .execute()
    // A worker that is away from the broker for a moment has them at hand.
    await app.db
      .updateTable('photos')
      .set({ lease_until: nowPlus(600_000) })
      .where('uuid', 'in', held)
      .execute()
    expect((await doctor(env)).output).toContain('505 of 505 queued photos have none')
    expect(await doctor(env, '--repair')).toMatchObject({ code: 0 })
    const waiting = await app.db
      .selectFrom('events')
      .select('photo_uuid')
      .where('published_at', 'is', null)
      .execute()
    expect(new Set(waiting.map(({ photo_uuid }) => photo_uuid)).size).toBe(505)
    expect(waiting).toHaveLength(505)
    expect(await doctor(env)).toEqual({ output: 'nothing differs\n', code: 0 })
  }),
)

/** What a check finds, without a process of its own. */
const findingsOf = (check: AsyncIterable<Finding>) => Array.fromAsync(check)

test('npm run doctor mends neither files nor rows where the storage is of another database, unless it is sure', () =>
  withStored(SETUPS[0], undefined, async (app, env) => {
    const [lost] = await addCompleted(app, 1)
    if (!lost) throw new Error('no photo')
    await app.storage.remove(renditionKey(lost.url))
    await app.storage.put(originalKey(uuidv7()), Buffer.from('an original'))
    await ageFiles(app, undefined)
    await renewOwner(app)
    await app.storage.setOwner('another')
    const refused = await doctor(env, '--repair')
    expect(refused.code).toBe(1)
    for (const line of [
      '1 storages of another database, 0 mended\n',
      '1 files without a row, 0 mended\n',
      '1 completed photos whose renditions are missing or incomplete, 0 mended\n',
      'do not belong together',
    ])
      expect(refused.output).toContain(line)
    expect(await doctor(env, '--repair', '--sure')).toMatchObject({ code: 0 })
    expect(await isOwner(app)).toBe(true)
    expect((await findPhoto(app.db, lost.uuid)).status).toBe('pending')
    expect(await doctor(env)).toEqual({ output: 'nothing differs\n', code: 0 })
  }))

test('a file that has got a row before it is removed stays', () =>
  withStored(SETUPS[0], undefined, async (app) => {
    const [photo] = await addCompleted(app, 1)
    if (!photo) throw new Error('no photo')
    const late = `ab/${photo.uuid}-late.jpg`
    const byHand = originalKey('by-hand')
    for (const key of [renditionKey(late), byHand]) await app.storage.put(key, Buffer.from('bytes'))
    await ageFiles(app, undefined)
    const found = await findingsOf(checkFiles(app, false))
    expect(found.map(({ name }) => name)).toEqual([byHand, renditionKey(late)])
    await app.db.insertInto('photos').values({ url: byHand }).execute()
    await app.db
      .insertInto('photo_thumbnails')
      .values({
        photo_uuid: photo.uuid,
        name: 'late',
        width: 1,
        height: 1,
        url: late,
        format: 'jpeg',
        bytes: 5,
      })
      .execute()
    for (const { mend } of found) await mend?.()
    expect(await app.storage.head(byHand)).toBeDefined()
    expect(await app.storage.head(renditionKey(late))).toBeDefined()
  }))

test('a part of the sweep runs once for all that it has left, and what it leaves again is not mended', () =>
  withStored(SETUPS[0], undefined, async (app) => {
    let calls = 0
    const remove = async () => {
      calls++
      throw new Error('not this one')
    }
    const failing = { ...app, storage: { ...app.storage, remove } }
    for (let i = 0; i < 3; i++) await planRemoval(app.db, uuidv7(), [originalKey(uuidv7())])
    await app.db
      .updateTable('removals')
      .set({ due: nowPlus(-600_000) })
      .execute()
    const findings = await findingsOf(checkRows(failing))
    const found = findings.filter(({ kind }) => kind.startsWith('deleted photos'))
    expect(found).toHaveLength(3)
    const mends = await Promise.allSettled(found.map(({ mend }) => mend?.()))
    expect(mends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(calls).toBe(3)
  }))

test('npm run doctor removes nothing where too many renditions have no row, however many originals have one', () =>
  withStored(SETUPS[0], undefined, async (app) => {
    await renewOwner(app)
    const photos = Array.from({ length: 40 }, () => {
      const uuid = uuidv7()
      return { uuid, url: originalKey(uuid), door: 'page' as const }
    })
    await addPhotos(app, photos)
    const foreign = Array.from({ length: 21 }, () => renditionKey(`ab/${uuidv7()}.jpg`))
    for (const key of [...photos.map(({ url }) => url), ...foreign])
      await app.storage.put(key, Buffer.from('bytes'))
    await ageFiles(app, undefined)
    const found = await findingsOf(checkFiles(app, false))
    expect(found).toHaveLength(21)
    expect(found.some(({ mend }) => mend)).toBe(false)
    expect((await findingsOf(checkFiles(app, true))).every(({ mend }) => mend)).toBe(true)
  }))

test(
  'npm run doctor removes nothing where most files have no row, unless it is sure',
  () =>
    withStored(SETUPS[0], undefined, async (app, env) => {
      for (let i = 0; i < 25; i++) await app.storage.put(originalKey(uuidv7()), Buffer.from('x'))
      const part = path.join(app.config.storageDir, 'originals/.parts/dead')
      await mkdir(path.dirname(part), { recursive: true })
      await writeFile(part, 'x')
      await utimes(part, new Date(0), new Date(0))
      await ageFiles(app, undefined)
      const refused = await doctor(env, '--repair')
      expect(refused.code).toBe(1)
      expect(refused.output).toContain('is this their database?')
      expect(await Array.fromAsync(app.storage.list(''))).toHaveLength(25)
      expect((await doctor(env, '--repair', '--sure')).code).toBe(0)
      expect(await Array.fromAsync(app.storage.list(''))).toEqual([])
    }),
  DEADLINE_MS * 3,
)
