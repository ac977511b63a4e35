import { afterAll, beforeAll, expect, test } from 'vitest'
import { addPhotos } from '../../lib/photos/add.ts'
import { isAvailable } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'
import {
  type Built,
  buildFunctions,
  removeAll,
  SERVERS,
  toRmqEvent,
  withFunction,
  withServers,
} from './support.ts'

let built: Built
beforeAll(async () => {
  built = await buildFunctions(['consumers-process-photo'])
})
afterAll(() => removeAll(built))

test.skipIf(!isAvailable(SERVERS))(
  'of a batch of 1,000 with 3 s to live it finishes what fits, and loses nothing',
  () =>
    withServers(async (env, app) => {
      const source = await openSourceServer({ '/a.jpg': bytes(await jpeg(sample(800, 600))) })
      const urls = Array.from({ length: 1000 }, (_, i) => `${source.url}/a.jpg?${i}`)
      const photos = await addPhotos(
        app,
        urls.map((url) => ({ url, door: 'photos' as const, queued: true })),
      )
      const batch = toRmqEvent(photos.map(({ uuid }) => JSON.stringify({ photo_uuid: uuid })))
      const statuses = async () => {
        const rows = await app.db.selectFrom('photos').select('status').execute()
        const count = (status: string) => rows.filter((row) => row.status === status).length
        return { completed: count('completed'), pending: count('pending') }
      }
      await withFunction(built, 'consumers-process-photo', env, async (invoke) => {
        // Loads what it needs before the time counts.
        await invoke(toRmqEvent(['poison']))
        await expect(invoke(batch, 3_000)).rejects.toThrow(/^\d+ messages come back$/)
        const first = await statuses()
        expect(first.completed).toBeGreaterThan(0)
        expect(first.pending).toBeGreaterThan(0)
        expect(first.completed + first.pending).toBe(1000)
        await expect(invoke(batch, 3_000)).rejects.toThrow(/messages come back$/)
        expect((await statuses()).completed).toBeGreaterThan(first.completed)
      })
      await source.close()
    }),
)
