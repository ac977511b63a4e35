import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { upload } from '../../functions/page/upload.ts'
import type { App } from '../../lib/app.ts'
import { findTimeline } from '../../lib/photos/show.ts'
import { problemOf, withServer } from '../functions/support.ts'
import { SETUPS } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { openS3Server } from '../support/s3-server.ts'
import { DEADLINE_MS, until } from '../support/service.ts'
import { bytes } from '../support/source-server.ts'
import { addHeld, addRemote, addUpload, statusesOf, type Working, withWorking } from '../support/working.ts'

const picture = await jpeg(sample(400, 300))

/** Longer than all attempts of a photo took that met the outage, in ms. */
const OUTAGE_MS = 5_000

/** Photos that are there before the outage, and those that come during it. */
const BEFORE = 12
const DURING = 8

/** Each photo is completed by its first attempt, and nothing is said of dead workers or messages. */
async function expectUntouched(app: App, uuids: readonly string[]): Promise<void> {
  await until(
    async () => (await statusesOf(app, uuids)).completed === uuids.length,
    DEADLINE_MS,
    () => statusesOf(app, uuids),
  )
  const rows = await app.db.selectFrom('photos').select(['attempts', 'given_back']).execute()
  expect(rows).toEqual(uuids.map(() => ({ attempts: 1, given_back: 0 })))
  for (const uuid of uuids)
    expect((await findTimeline(app.db, uuid)).map(({ type }) => type)).not.toContain('image.failed')
  const dead = await app.db.selectFrom('events').select('id').where('type', '=', 'message.dead').execute()
  expect(dead).toEqual([])
  const { values } = await app.metrics.retries.get()
  expect(values.filter(({ labels }) => labels.code === 'worker-lost')).toEqual([])
}

/** A form of one file, which a storage that is away does not take. */
async function expectRefused(app: App): Promise<void> {
  await withServer(
    app,
    async (url) => {
      const form = new FormData()
      form.set('image', new Blob([new Uint8Array(picture)]), 'photo.jpg')
      const answer = await fetch(`${url}/upload`, { method: 'POST', body: form })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await problemOf(answer, 503)).code).toBe('storage-unavailable')
    },
    [upload],
  )
}

/** Photos whose sources come when the storage is away; others, queued meanwhile, are claimed when it is back. */
async function meetOutage(
  { app, sources: [source] }: Working,
  outage: { begin(): unknown; isMet?(): boolean; end(): unknown },
): Promise<void> {
  const stored = await Promise.all(Array.from({ length: BEFORE / 2 }, () => addUpload(app, picture)))
  await until(async () => (await statusesOf(app, stored)).completed === stored.length)
  const { uuids: before, release } = await addHeld(app, source, BEFORE / 2, bytes(picture))
  await outage.begin()
  release()
  await until(() => outage.isMet?.() ?? true)
  await delay(OUTAGE_MS / 2)
  // A bucket that hangs is known to be away when its deadline has passed, and for the worker it began before.
  await expectRefused(app)
  const during = await addRemote(app, source, DURING, bytes(picture), '/later.jpg')
  await delay(OUTAGE_MS / 2)
  const failed = await app.db
    .selectFrom('photos')
    .select(['error_code', 'error'])
    .where('status', '=', 'failed')
    .execute()
  expect(failed).toEqual([])
  expect((await statusesOf(app, during)).pending).toBe(DURING)
  await outage.end()
  await expectUntouched(app, [...stored, ...before, ...during])
}

describe('a worker whose bucket is away', async () => {
  const server = await openS3Server()
  afterAll(() => server.close())
  const { env } = server

  test.for([503, 403])('that answers %s fails no photo, and claims none', (status) => {
    const met = server.failures()
    return withWorking(
      SETUPS[0],
      (working) =>
        meetOutage(working, {
          begin: () => server.fail(Number.POSITIVE_INFINITY, status),
          isMet: () => server.failures() > met,
          end: () => server.fail(0),
        }),
      { ...env, MAX_ATTEMPTS: '2' },
    )
  })
})

test('a worker whose bucket hangs fails no photo, and claims none', async () => {
  const server = await openS3Server()
  try {
    const met = server.failures()
    await withWorking(
      SETUPS[0],
      (working) =>
        meetOutage(working, {
          begin: () => server.hang(true),
          isMet: () => server.failures() > met,
          end: () => server.hang(false),
        }),
      { ...server.env, MAX_ATTEMPTS: '2' },
    )
  } finally {
    server.hang(false)
    await server.close()
  }
})

/** A small file system of its own in memory, or undefined where none may be mounted. */
async function mountSmall(): Promise<string | undefined> {
  const directory = await mkdtemp(path.join(tmpdir(), 'small-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' })
    return directory
  } catch {
    await rm(directory, { recursive: true })
    return undefined
  }
}

describe('a worker whose disk is away', async () => {
  const disk = await mountSmall()
  afterAll(async () => {
    if (!disk) return
    execFileSync('umount', ['-l', disk])
    await rm(disk, { recursive: true })
  })
  const on = test.skipIf(!disk)
  const at = (name: string) => path.join(disk ?? '', name)
  const more = { STORAGE_DIR: at('files'), MAX_ATTEMPTS: '2' }

  on('since it is full, fails no photo, and claims none', () =>
    withWorking(
      SETUPS[0],
      (working) =>
        meetOutage(working, {
          begin: () => writeFile(at('all'), Buffer.alloc(2 ** 20)).catch(() => {}),
          end: () => rm(at('all')),
        }),
      more,
    ),
  )

  on('since it is read-only, fails no photo, and claims none', async () => {
    await mkdir(at('files'), { recursive: true })
    const remount = (how: string) => execFileSync('mount', ['-o', `remount,${how}`, disk ?? ''])
    await withWorking(
      SETUPS[0],
      (working) => meetOutage(working, { begin: () => remount('ro'), end: () => remount('rw') }),
      more,
    )
  })
})
