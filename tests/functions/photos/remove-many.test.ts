import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { processPhotoMessage } from '../../../functions/consumers/process-photo.ts'
import { removeMany } from '../../../functions/photos/remove-many.ts'
import { type App, openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { migrate } from '../../../lib/db/migrate.ts'
import type { AppError } from '../../../lib/errors.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'
import { addPhotos } from '../../../lib/photos/add.ts'
import { continueBulk } from '../../../lib/photos/bulk.ts'
import { REMOVE } from '../../../lib/photos/remove.ts'
import { originalKey, renditionKey } from '../../../lib/storage/port.ts'
import { makePhoto } from '../../security/world.ts'
import {
  type Environment,
  isAvailable,
  SETUPS,
  withApp,
  withEnvironment,
  withInlineWorker,
} from '../../support/app.ts'
import { at, call, eventsOf, insertPhoto, problemOf, send, sweepAll, withServer } from '../support.ts'

const STATUSES: PhotoStatus[] = ['init', 'pending', 'processing', 'completed', 'failed']

const addFailed = async (app: App, count: number) => {
  const photos = Array.from({ length: count }, (_, i) => ({
    url: `https://example.com/${i}`,
    door: 'photos' as const,
  }))
  await addPhotos(app, photos)
  await app.db.updateTable('photos').set({ status: 'failed', error_code: 'network-error' }).execute()
}

const namesOf = async ({ db }: App) =>
  (await db.selectFrom('photos').select('name').orderBy('created_at').execute()).map(({ name }) => name)

/** The status of an answer, with its count or code. */
const outcome = (
  app: App,
  body: { filter: object; at_most?: number; dry_run?: boolean },
  projects: '*' | number[] = '*',
) =>
  call(removeMany, app, { body, caller: { scopes: ['write'], projects } }).then(
    ({ status, body }) => [status, (body as { count: number }).count],
    ({ status, code }: AppError) => [status, code],
  )

/** A process that dies while it removes what failed. */
const dieIn = (env: Environment) =>
  promisify(execFile)(process.execPath, ['tests/support/dying-removal.ts'], {
    env: { PATH: process.env.PATH, ...env },
  }).catch((error: { signal: string }) => error)

describe.for(SETUPS)('DELETE /photos on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('removes all that fit the filter, but those being processed', () =>
    withApp(setup, async (app) => {
      for (const [index, status] of STATUSES.entries())
        for (const album of ['old', 'new'])
          await insertPhoto(app, {
            status,
            name: `${album} ${status}`,
            labels: JSON.stringify({ album }),
            created_at: at(index),
          })
      expect(await outcome(app, { filter: { label: 'album:none' } })).toEqual([202, 0])
      expect(await outcome(app, { filter: { label: 'album:old' }, dry_run: true })).toEqual([200, 4])
      expect(await outcome(app, { filter: { label: 'album:old', status: 'init' } })).toEqual([202, 1])
      expect(await outcome(app, { filter: { label: 'album:old' } })).toEqual([202, 3])
      expect(await outcome(app, { filter: { label: 'album:old' } })).toEqual([202, 0])
      expect(await namesOf(app)).toEqual([
        'new init',
        'new pending',
        ...(await namesOf(app)).filter((name) => name?.endsWith('processing')),
        'new completed',
        'new failed',
      ])
      expect((await namesOf(app)).filter((name) => name?.startsWith('old'))).toEqual(['old processing'])
      const deleted = await eventsOf(app, 'image.deleted')
      expect(deleted.map(({ data }) => JSON.parse(data ?? '').labels)).toEqual(
        Array(4).fill({ album: 'old' }),
      )
      expect(await app.db.selectFrom('deletions').selectAll().execute()).toEqual([])
    }),
  )

  on('removes the files, too, and none of others', () =>
    withApp(setup, async (app) => {
      const [gone, other] = [
        await makePhoto(app, 1, Buffer.from('a')),
        await makePhoto(app, 2, Buffer.from('a')),
      ]
      const filesOf = (photo: { uuid: string; path: string }) =>
        [
          path.join(app.config.storageDir, originalKey(photo.uuid)),
          path.join(app.config.storageDir, renditionKey(photo.path)),
        ].map((file) => existsSync(file))
      expect([filesOf(gone), filesOf(other)]).toEqual([
        [true, true],
        [true, true],
      ])
      expect(await outcome(app, { filter: { project_id: 1 } })).toEqual([202, 1])
      await sweepAll(app, 'deletions')
      expect([filesOf(gone), filesOf(other)]).toEqual([
        [false, false],
        [true, true],
      ])
      expect(await app.db.selectFrom('removals').selectAll().execute()).toEqual([])
    }),
  )

  on('removes nothing where too many fit, or a key may not see them', () =>
    withApp(setup, async (app) => {
      await addFailed(app, 1_001)
      await insertPhoto(app, { project_id: 7 })
      expect(await outcome(app, { filter: {} })).toEqual([422, 'at-most-required'])
      expect(await outcome(app, { filter: { status: 'failed' } })).toEqual([422, 'at-most-required'])
      expect(await outcome(app, { filter: {}, at_most: 1_001 })).toEqual([409, 'too-many'])
      expect(await outcome(app, { filter: {}, at_most: 1 }, [8])).toEqual([202, 0])
      expect(await outcome(app, { filter: { project_id: 7 } }, [8])).toEqual([202, 0])
      expect(await namesOf(app)).toHaveLength(1_002)
      expect(await outcome(app, { filter: {}, at_most: 1 }, [7])).toEqual([202, 1])
      expect(await namesOf(app)).toHaveLength(1_001)
    }),
  )

  on('a request whose process dies in the middle is continued by another one', () =>
    withEnvironment(setup, async (env) => {
      const app = await openApp(readConfig(env))
      await migrate(app.db)
      await addFailed(app, 700)
      // In its second batch, before the commit.
      expect(await dieIn(env)).toMatchObject({ signal: 'SIGKILL' })
      expect(await namesOf(app)).toHaveLength(450)
      await insertPhoto(app, { name: 'later', status: 'failed' })
      await sweepAll(app, 'deletions')
      expect(await namesOf(app)).toEqual(['later'])
      const deleted = (await eventsOf(app, 'image.deleted')).map(({ photo_uuid }) => photo_uuid)
      expect([deleted.length, new Set(deleted).size]).toEqual([700, 700])
      await app.close()
    }),
  )

  on('a request that fails again and again keeps no other waiting', () =>
    withApp(setup, async (app) => {
      await insertPhoto(app)
      const [broken, good] = [{ created_after: 'no time' }, {}]
      for (const filters of [broken, broken, good])
        await app.db
          .insertInto('deletions')
          .values({ id: uuidv7(), filters: JSON.stringify(filters), traceparent: null, remaining: 10 })
          .execute()
      expect(await continueBulk(app, REMOVE)).toBe(1)
      expect(await namesOf(app)).toEqual([])
      expect(await app.db.selectFrom('deletions').selectAll().execute()).toHaveLength(2)
      await expect(continueBulk(app, REMOVE)).rejects.toThrow('Invalid time')
    }),
  )

  on('a message of a photo that is removed meanwhile is no dead letter', () =>
    withInlineWorker(setup, async (app) => {
      const photos = [1, 2].map((i) => ({
        url: `https://example.com/${i}`,
        door: 'photos' as const,
        queued: true,
      }))
      const [first, second] = await addPhotos(app, photos)
      expect(await outcome(app, { filter: { status: 'pending' } })).toEqual([202, 2])
      for (const body of [{ photo_uuid: first?.uuid }, [first?.uuid, second?.uuid]])
        await processPhotoMessage.handle(
          { body: Buffer.from(JSON.stringify(body)), headers: {}, redelivered: false },
          app,
        )
      expect(await eventsOf(app, 'message.dead')).toEqual([])
    }),
  )
})

test('over HTTP it takes a body, without which it removes nothing, and an idempotency key', () =>
  withApp(SETUPS[0], (app) =>
    withServer(app, async (url) => {
      await insertPhoto(app, { name: 'a' })
      await problemOf(await fetch(`${url}/photos`, { method: 'DELETE' }), 422)
      for (const body of [{}, { filter: { names: 'a' } }, []])
        await problemOf(await send(`${url}/photos`, 'DELETE', body), 422)
      expect(await namesOf(app)).toEqual(['a'])
      const body = { filter: { name: 'a' } }
      for (let twice = 0; twice < 2; twice++) {
        const answer = await send(`${url}/photos`, 'DELETE', body, { 'idempotency-key': 'once' })
        expect([answer.status, await answer.json()]).toEqual([202, { count: 1 }])
      }
      expect(await namesOf(app)).toEqual([])
    }),
  ))
