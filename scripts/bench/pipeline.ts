import { Jimp } from 'jimp'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { requestProcessing } from '../../lib/photos/request.ts'
import { addMany, countCompleted, reach } from './load.ts'
import { type Environment, serve, startRole } from './service.ts'

const PHOTOS = 3_000

/** What the pipeline costs without decoding: photos of 32x32 pixels, one worker and one relay process. */
export async function benchPipeline(env: Environment): Promise<Record<string, string>> {
  const source = await serve(
    await new Jimp({ width: 32, height: 32, color: 0x336699ff }).getBuffer('image/jpeg'),
  )
  const app = await openApp(readConfig({ ...env, LOG_LEVEL: 'silent' }))
  await migrate(app.db)
  await requestProcessing(app, await addMany(app, source.url, PHOTOS), false)
  const relay = await startRole('relay', env)
  const worker = await startRole('worker', { ...env, SOURCE_ALLOW_CIDRS: '127.0.0.1/32', PREFETCH: '20' })
  await reach(() => countCompleted(app), 100, 60_000)
  const [start, cpu] = [performance.now(), await worker.cpu()]
  const first = await countCompleted(app)
  await reach(() => countCompleted(app), PHOTOS, 120_000)
  const seconds = (performance.now() - start) / 1000
  const perPhoto = ((await worker.cpu()) - cpu) / (PHOTOS - first)
  await worker.stop()
  await relay.stop()
  await app.close()
  source.close()
  return {
    'pipeline without decode': `${Math.round((PHOTOS - first) / seconds)} photos/s`,
    'pipeline without decode, processor time of the worker': `${perPhoto.toFixed(1)} ms per photo`,
  }
}
