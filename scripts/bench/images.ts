import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { THUMBNAIL_RECIPE } from '../../lib/imaging/recipe.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { renditionPath } from '../../lib/renditions/path.ts'
import { renditionKey } from '../../lib/storage/port.ts'
import { REDIS_URL } from '../own-servers.ts'
import { type Environment, startRole } from './service.ts'

const CONNECTIONS = 16
const PHOTOS = 500
/** A thumbnail of 320x240 has 10 to 20 kB. */
const BYTES = 15_000
const WARM_UP_MS = 3_000
const MEASURED_MS = 10_000

/** `GET /images/{uuid}/content` of images that are in the cache: the rate, and the processor time of one. */
export async function benchImages(env: Environment): Promise<Record<string, string>> {
  const figures: Record<string, string> = {}
  for (const [name, more] of [
    ['memory', {}],
    ['Redis', { REDIS_URL }],
  ] as const) {
    const api = await startRole('api', { ...env, ...more })
    const paths = (await addImages(env)).map((uuid) => `/images/${uuid}/content`)
    await send(api.url, paths, WARM_UP_MS)
    const cpu = await api.cpu()
    const start = performance.now()
    const answered = await send(api.url, paths, MEASURED_MS)
    const perRequest = ((await api.cpu()) - cpu) / answered
    figures[`image from ${name}, ${CONNECTIONS} connections`] =
      `${Math.round(answered / ((performance.now() - start) / 1000))}/s`
    figures[`image from ${name}, processor time`] =
      `${perRequest.toFixed(3)} ms per request, ${Math.round(1000 / perRequest)}/s on one core`
    await api.stop()
  }
  return figures
}

/** Photos that have a thumbnail, as if they had been processed. */
async function addImages(env: Environment): Promise<string[]> {
  const app = await openApp(readConfig({ ...env, LOG_LEVEL: 'silent' }))
  const urls = Array.from({ length: PHOTOS }, (_, i) => `https://example.com/${i}.jpg`)
  const photos = await addPhotos(
    app,
    urls.map((url) => ({ url, door: 'photos' })),
  )
  for (const { uuid } of photos) {
    const row = { photo_uuid: uuid, name: 'thumbnail', width: 320, height: 240, format: 'jpeg', bytes: BYTES }
    const url = renditionPath(uuid, THUMBNAIL_RECIPE, { name: 'thumbnail', format: 'jpeg' })
    await app.storage.put(renditionKey(url), randomBytes(BYTES))
    await app.db
      .insertInto('photo_thumbnails')
      .values({ ...row, url })
      .execute()
  }
  await app.close()
  return photos.map(({ uuid }) => uuid)
}

/** Each connection sends the next request as soon as it has its answer; returns how many answers there were. */
async function send(url: string, paths: readonly string[], ms: number): Promise<number> {
  const { hostname, port } = new URL(url)
  const deadline = performance.now() + ms
  let answered = 0
  const turns = async () => {
    const socket = net.connect(Number(port), hostname)
    while (performance.now() < deadline) await sendOnce(socket, paths[answered++ % paths.length] ?? '')
    socket.destroy()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, turns))
  return answered
}

/** By hand, since an HTTP client would cost more than what it measures. */
function sendOnce(socket: net.Socket, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing: number | undefined
    const take = (chunk: Buffer) => {
      if (missing === undefined) {
        const end = chunk.indexOf('\r\n\r\n') + 4
        const head = chunk.toString('latin1', 0, end)
        if (!head.startsWith('HTTP/1.1 200')) return reject(new Error(head))
        missing = Number(/content-length: (\d+)/i.exec(head)?.[1]) + end
      }
      missing -= chunk.length
      if (missing > 0) return
      socket.off('data', take)
      resolve()
    }
    socket.on('data', take)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`)
  })
}
