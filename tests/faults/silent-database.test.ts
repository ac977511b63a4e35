import { expect, inject, test } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { runApi, runRelay, runWorker } from '../../scripts/serve/roles.ts'
import { isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { openProxy } from '../support/proxy.ts'
import { DEADLINE_MS, freePort, until } from '../support/service.ts'
import { bytes, openSourceServer } from '../support/source-server.ts'
import { addressOf, through } from './support.ts'

const SERVERS = SETUPS[1]

test.skipIf(!isAvailable(SERVERS))(
  'a service whose connections to the database went silent answers again, and completes what it held',
  () =>
    withEnvironment(SERVERS, async (env) => {
      const proxy = await openProxy(addressOf(inject('postgresUrl') ?? '', 5432))
      const DATABASE_URL = through(env.DATABASE_URL ?? '', proxy.port)
      const PORT = String(await freePort())
      const direct = await openApp(readConfig(env))
      const app = await openApp(readConfig({ ...env, DATABASE_URL, PORT }))
      const answer = bytes(await jpeg(sample(32, 32)))
      const silent = Promise.withResolvers<void>()
      const source = await openSourceServer({
        '/photo.jpg': (request, response) => void silent.promise.then(() => answer(request, response)),
      })
      await migrate(direct.db)
      const parts = [await runRelay(app), await runWorker(app), await runApi(app)]
      const url = `http://127.0.0.1:${PORT}`
      const completed = async () => {
        const rows = await direct.db.selectFrom('photos').select('status').execute()
        return rows.filter(({ status }) => status === 'completed').length
      }
      try {
        const urls = Array.from({ length: 8 }, (_, i) => `${source.url}/photo.jpg?${i}`)
        await addPhotos(
          direct,
          urls.map((url) => ({ url, door: 'photos', queued: true })),
        )
        await until(() => source.hits.length > 0)
        proxy.hold()
        silent.resolve()
        await until(() => status(`${url}/photos/pending`).then((code) => code === 200))
        await until(async () => (await completed()) === 8, DEADLINE_MS, completed)
        expect(await status(`${url}/livez`)).toBe(200)
      } finally {
        for (const part of parts.reverse()) await part.stop()
        await Promise.all([app.close(), direct.close(), source.close()])
        await proxy.close()
      }
    }),
)

/** Of an answer that comes within a time in which nobody waits any more. */
const status = (url: string): Promise<number | undefined> =>
  fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS / 2) }).then(
    ({ status }) => status,
    () => undefined,
  )
