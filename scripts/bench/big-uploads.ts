import { randomBytes } from 'node:crypto'
import { openClient } from '../load/client.ts'
import { freePort } from '../load/service.ts'
import { removePhotos, uploadImage } from '../load/upload.ts'
import { type Environment, startRole } from './service.ts'

const FILES = 100
const AT_ONCE = 20
const BYTES = 50_000_000
const SAMPLE_MS = 20
const REMOVAL_MS = 10_000

/** Memory of the api while big files are uploaded; no worker runs, and each file is removed once it is there. */
export async function benchBigUploads(env: Environment): Promise<Record<string, string>> {
  const api = await startRole('api', { ...env, PORT: String(await freePort()) })
  const client = openClient(AT_ONCE)
  const file = randomBytes(BYTES)
  const idle = await api.rss()
  let peak = idle
  const sampling = setInterval(async () => {
    peak = Math.max(peak, await api.rss())
  }, SAMPLE_MS)
  const [start, cpu] = [performance.now(), await api.cpu()]
  let begun = 0
  const upload = async () => {
    while (begun++ < FILES) {
      const uuid = await uploadImage(client, api.url, 1, file)
      await removePhotos(client, api.url, [uuid], REMOVAL_MS)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, upload))
  const seconds = (performance.now() - start) / 1000
  const perFile = ((await api.cpu()) - cpu) / FILES
  clearInterval(sampling)
  client.close()
  await api.stop()
  return {
    'memory of the api, idle': `${Math.round(idle)} MB`,
    [`peak over ${FILES} uploads of 50 MB, ${AT_ONCE} at a time`]: `${Math.round(peak)} MB`,
    'uploads of 50 MB': `${Math.round((FILES * BYTES) / 1e6 / seconds)} MB/s`,
    'uploads of 50 MB, processor time of the api': `${Math.round(perFile)} ms per file`,
  }
}
