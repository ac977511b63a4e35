import { setTimeout as delay } from 'node:timers/promises'
import { bigPhoto } from './big-photo.ts'
import { median, reach } from './load.ts'
import { type Environment, type ServiceProcess, serve, startRole } from './service.ts'

const PHOTOS = 500
const SETTLED = 100
const DEADLINE_MS = 1_800_000

/** Memory of the whole service in one process: idle, then over 500 photos of 12 megapixels. */
export async function benchMemory({
  PORT = '',
  STORAGE_DIR = '',
}: Environment): Promise<Record<string, string>> {
  const source = await serve(await bigPhoto())
  const service = await startRole('all', {
    PORT,
    STORAGE_DIR,
    DATABASE_URL: `sqlite:${STORAGE_DIR}.db`,
    SOURCE_ALLOW_CIDRS: '127.0.0.1/32',
  })
  const { url } = service
  await fetch(`${url}/photos/pending`)
  await delay(2_000)
  const idle = await sample(service)
  const photos = (await post(`${url}/photos`, {
    urls: Array.from({ length: PHOTOS }, (_, i) => `${source.url}/${i}.jpg`),
  })) as { uuid: string }[]
  await post(
    `${url}/photos/process`,
    photos.map(({ uuid }) => uuid),
  )
  const completed = async () => {
    const answer = await fetch(`${url}/photos?status=completed&limit=1000`)
    return ((await answer.json()) as { items: unknown[] }).items.length
  }
  await reach(completed, SETTLED, DEADLINE_MS)
  const first = await sample(service)
  await reach(completed, PHOTOS - 20, DEADLINE_MS)
  const last = await sample(service)
  await service.stop()
  source.close()
  return {
    'memory, idle': `${Math.round(idle)} MB`,
    'memory at the 100th photo of 12 MP': `${Math.round(first)} MB`,
    'memory at the 500th photo of 12 MP': `${Math.round(last)} MB (${Math.round((100 * last) / first - 100)} %)`,
  }
}

/** Resident memory in MB, the median over some seconds: it rises and falls with every photo. */
async function sample(service: ServiceProcess): Promise<number> {
  const values: number[] = []
  for (let i = 0; i < 100; i++) {
    values.push(await service.rss())
    await delay(200)
  }
  return median(values)
}

async function post(url: string, body: unknown): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
  return answer.json()
}
