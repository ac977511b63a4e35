import { utimes } from 'node:fs/promises'
import path from 'node:path'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { isOwner, renewOwner } from '../../../lib/photos/owner.ts'
import { removeOrphans } from '../../../lib/photos/remove-orphans.ts'
import { originalKey, renditionKey } from '../../../lib/storage/port.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { stopClock } from '../../support/clock.ts'
import { openS3Server, type S3Server } from '../../support/s3-server.ts'

const BYTES = Buffer.from('bytes')

/** An app whose files can be made older. */
type Stored = { app: App; age(minutes: number): Promise<void> }

async function ageFiles(app: App, server: S3Server | undefined, minutes: number): Promise<void> {
  const then = new Date(Date.now() - minutes * 60_000)
  for (const object of server?.objects.values() ?? []) object.modified = then
  if (server) return
  for await (const { key } of app.storage.list('')) {
    const { storageDir, thumbsDir } = app.config
    await utimes(
      key.startsWith('thumbs/') ? path.join(thumbsDir, key.slice(7)) : path.join(storageDir, key),
      then,
      then,
    )
  }
}

const STORAGES = [
  { name: 'embedded with directories', setup: SETUPS[0], bucket: false },
  { name: 'PostgreSQL and RabbitMQ with directories', setup: SETUPS[1], bucket: false },
  { name: 'embedded with a bucket', setup: SETUPS[0], bucket: true },
  { name: 'PostgreSQL and RabbitMQ with a bucket', setup: SETUPS[1], bucket: true },
] as const

async function withStored(
  { setup, bucket }: (typeof STORAGES)[number],
  use: (stored: Stored) => Promise<void>,
): Promise<void> {
  const server = bucket ? await openS3Server() : undefined
  await withApp(
    setup,
    (app) => use({ app, age: (minutes) => ageFiles(app, server, minutes) }),
    server?.env ?? {},
  )
  await server?.close()
}

/** The next turn, now. */
async function sweepNow(app: App): Promise<number> {
  await app.db
    .updateTable('turns')
    .set({ due: nowPlus(-1) })
    .where('name', '=', 'orphans')
    .execute()
  return removeOrphans(app)
}

const keysOf = async ({ storage }: App) => (await Array.fromAsync(storage.list(''))).map(({ key }) => key)

const addRendition = ({ db }: App, photo_uuid: string, url: string) =>
  db
    .insertInto('photo_thumbnails')
    .values({ photo_uuid, name: 'thumbnail', width: 1, height: 1, url, format: 'jpeg', bytes: 5 })
    .execute()

/** A photo with its original and a rendition; the keys of both. */
async function addWhole(app: App): Promise<string[]> {
  const uuid = uuidv7()
  const url = `ab/${uuid}.jpg`
  await addPhotos(app, [{ uuid, url: originalKey(uuid), door: 'page' }])
  await app.db.updateTable('photos').set({ status: 'completed' }).where('uuid', '=', uuid).execute()
  await addRendition(app, uuid, url)
  const keys = [originalKey(uuid), renditionKey(url)]
  for (const key of keys) await app.storage.put(key, BYTES)
  return keys
}

/** Files that no row names. */
async function addOrphans({ storage }: App, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, i) => {
    const uuid = uuidv7()
    return i % 2 ? renditionKey(`cd/${uuid}.jpg`) : originalKey(uuid)
  })
  for (const key of keys) await storage.put(key, BYTES)
  return keys
}

/** Runs `use` with the same storage under a database that lacks its rows. */
async function withOther(app: App, use: (other: App) => Promise<void>): Promise<void> {
  await withApp(SETUPS[0], (own) => use({ ...app, db: own.db }))
}

describe.for(STORAGES)('files without a row, $name', (storage) => {
  const on = test.skipIf(!isAvailable(storage.setup))

  on('go when they are half an hour old, those with a row and young ones stay', () =>
    withStored(storage, async ({ app, age }) => {
      const whole = await addWhole(app)
      const orphans = await addOrphans(app, 4)
      expect(await sweepNow(app)).toBe(0)
      expect(await keysOf(app)).toEqual([...whole, ...orphans].sort())
      await age(29)
      expect(await sweepNow(app)).toBe(0)
      await age(31)
      expect(await sweepNow(app)).toBe(4)
      expect(await keysOf(app)).toEqual(whole.sort())
      expect(await isOwner(app)).toBe(true)
    }),
  )

  on('stay where the database is another', () =>
    withStored(storage, async ({ app, age }) => {
      const whole = await addWhole(app)
      await age(600)
      expect(await sweepNow(app)).toBe(0)
      await withOther(app, async (other) => {
        for (let turn = 0; turn < 3; turn++) expect(await sweepNow(other)).toBe(0)
        expect(await isOwner(other)).toBe(false)
      })
      expect(await keysOf(app)).toEqual(whole.sort())
      // Still its owner.
      await addOrphans(app, 1)
      await age(600)
      expect(await sweepNow(app)).toBe(1)
    }),
  )

  on('stay where a database without their rows is the first to search', () =>
    withStored(storage, async ({ app, age }) => {
      for (let i = 0; i < 11; i++) await addWhole(app)
      await age(600)
      const before = await keysOf(app)
      await withOther(app, async (other) => {
        for (let turn = 0; turn < 3; turn++) expect(await sweepNow(other)).toBe(0)
      })
      expect(await keysOf(app)).toEqual(before)
      expect(await sweepNow(app)).toBe(0)
      expect(await isOwner(app)).toBe(true)
    }),
  )

  on('stay where a row names them, whatever photo their own name is of', () =>
    withStored(storage, async ({ app, age }) => {
      const names = [uuidv7(), 'by-hand']
      const photos = await addPhotos(
        app,
        names.map((name) => ({ url: originalKey(name), door: 'page' as const })),
      )
      for (const [i, { uuid }] of photos.entries()) await addRendition(app, uuid, `ab/${names[i]}.jpg`)
      const named = names.flatMap((name) => [originalKey(name), renditionKey(`ab/${name}.jpg`)])
      for (const key of named) await app.storage.put(key, BYTES)
      await addOrphans(app, 2)
      await age(600)
      expect(await sweepNow(app)).toBe(2)
      expect(await keysOf(app)).toEqual(named.sort())
    }),
  )

  on('stay where the storage has lost its owner', () =>
    withStored(storage, async ({ app, age }) => {
      await addOrphans(app, 2)
      expect(await sweepNow(app)).toBe(0)
      await app.storage.setOwner('somebody else')
      await age(600)
      expect(await sweepNow(app)).toBe(0)
      expect(await keysOf(app)).toHaveLength(2)
      await renewOwner(app)
      expect(await sweepNow(app)).toBe(2)
    }),
  )

  on('stay where the database is an older copy', () =>
    withStored(storage, async ({ app, age }) => {
      expect(await sweepNow(app)).toBe(0)
      const then = await app.db.selectFrom('storage_owner').selectAll().executeTakeFirstOrThrow()
      const later = await addWhole(app)
      await age(600)
      expect(await sweepNow(app)).toBe(0)
      await withOther(app, async (copy) => {
        await copy.db.updateTable('storage_owner').set(then).execute()
        expect(await sweepNow(copy)).toBe(0)
      })
      expect(await keysOf(app)).toEqual(later.sort())
    }),
  )
})

test('renditions without a row stay, however many originals have one', () =>
  withApp(SETUPS[0], async (app) => {
    const photos = Array.from({ length: 500 }, () => {
      const uuid = uuidv7()
      return { uuid, url: originalKey(uuid), door: 'page' as const }
    })
    await addPhotos(app, photos)
    const foreign = Array.from({ length: 21 }, () => renditionKey(`ab/${uuidv7()}.jpg`))
    for (const key of [...photos.map(({ url }) => url), ...foreign]) await app.storage.put(key, BYTES)
    await ageFiles(app, undefined, 600)
    expect(await sweepNow(app)).toBe(0)
    expect(await keysOf(app)).toHaveLength(521)
    // Not too many.
    await app.storage.remove(foreign[0] ?? '')
    expect(await sweepNow(app)).toBe(20)
  }))

test('a process that dies while it notes the owner leaves one that counts', () =>
  withApp(SETUPS[0], async (app) => {
    await addOrphans(app, 1)
    for (let turn = 0; turn < 2; turn++) {
      const setOwner = async (id: string) => {
        await app.storage.setOwner(id)
        throw new Error('the process died')
      }
      await expect(renewOwner({ ...app, storage: { ...app.storage, setOwner } })).rejects.toThrow('died')
      expect(await isOwner(app)).toBe(true)
    }
    await renewOwner(app)
    expect(await isOwner(app)).toBe(true)
  }))

test('a search goes on in the next turn where the last one ended', () =>
  withApp(SETUPS[0], async (app) => {
    const pass = stopClock()
    await renewOwner(app)
    const keys = Array.from({ length: 1_200 }, () => originalKey(uuidv7())).sort()
    const removed: string[] = []
    const lists: (string | undefined)[] = []
    const storage = {
      ...app.storage,
      async *list(_prefix: string, after = '') {
        lists.push(after)
        for (const key of keys.filter((key) => key > after)) {
          if (key === keys[300]) pass(1_100)
          yield { key, bytes: 1, etag: '"e"', modified: new Date(0) }
        }
      },
      async remove(key: string) {
        removed.push(key)
        // One that does not go holds up no other.
        if (key === keys[700]) throw new Error('not this one')
      },
    }
    const slow = { ...app, storage }
    while (removed.length < keys.length) await removeOrphans(slow)
    expect(removed).toEqual(keys)
    expect(lists[1]).not.toBe('')
    expect(await removeOrphans(slow)).toBe(0)
    const { position } = await app.db
      .selectFrom('turns')
      .select('position')
      .where('name', '=', 'orphans')
      .executeTakeFirstOrThrow()
    expect(position).toBeNull()
  }))

test('a turn is as long whatever time the list takes to begin', () =>
  withApp(SETUPS[0], async (app) => {
    const pass = stopClock()
    await renewOwner(app)
    const keys = Array.from({ length: 3_000 }, () => originalKey(uuidv7())).sort()
    let lists = 0
    let last: string | undefined
    const storage = {
      ...app.storage,
      async *list(_prefix: string, after = '') {
        lists++
        pass(1_100)
        for (const key of keys.filter((key) => key > after)) {
          last = key
          yield { key, bytes: 1, etag: '"e"', modified: new Date() }
        }
      },
    }
    while (last !== keys.at(-1)) await sweepNow({ ...app, storage })
    // Not one for every 500 files.
    expect(lists).toBe(1)
  }))
