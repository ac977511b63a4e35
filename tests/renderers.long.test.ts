import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Fault } from './lib/imaging/faults.ts'
import { SETUPS, withEnvironment } from './support/app.ts'
import { withCopiedTree } from './support/copied-tree.ts'
import { jpeg, sample } from './support/images.ts'
import { DEADLINE_MS, getJson, postJson, startCommand, until } from './support/service.ts'
import { bytes, openSourceServer } from './support/source-server.ts'

type Photo = { uuid: string; status: string; error: { code: string } | null; timeline: { type: string }[] }

const FAULTS: Fault[] = ['SIGKILL', 'SIGSEGV', 'SIGTRAP', 'exit', 'heap', 'memory', 'hang']

/** Photos without a fault. */
const SOUND = 20

/** The width of the photo that has a fault. */
const widthOf = (fault: Fault) => 300 + FAULTS.indexOf(fault)

/** Gives the program a renderer that has each fault once, with the photo of its width. */
async function addFaults(root: string): Promise<void> {
  const directory = path.join(root, 'lib/imaging/renderers')
  const program = new URL('./lib/imaging/once-faulty-renderer.ts', import.meta.url)
  await writeFile(path.join(directory, 'renderer.ts'), `import '${program}'\n`)
  for (const fault of FAULTS) await writeFile(path.join(directory, `fault-${widthOf(fault)}`), fault)
}

/** Asks the api for its health again and again until `signal` aborts; says how often it answered, and how often it did not. */
async function watchHealth(url: string, signal: AbortSignal) {
  const health = { answered: 0, failed: 0 }
  while (!signal.aborted) {
    const isUp = await fetch(`${url}/health`, { signal: AbortSignal.timeout(DEADLINE_MS) }).then(
      ({ ok }) => ok,
      () => false,
    )
    health[isUp ? 'answered' : 'failed']++
    await delay(50)
  }
  return health
}

/** The renderers that died, by reason, as `/metrics` has them. */
async function crashesOf(url: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.matchAll(/^photo_renderer_crashes_total\{reason="(\w+)"\} (\d+)$/gm)
  return Object.fromEntries([...lines].map(([, reason = '', count]) => [reason, Number(count)]))
}

test('renderers that crash, run out of memory or hang take one attempt of their photo along, and nothing else', () =>
  withEnvironment(SETUPS[0], (given) =>
    withCopiedTree({}, async (root) => {
      await addFaults(root)
      const source = await openSourceServer({
        '/sound.jpg': bytes(await jpeg(sample(640, 480))),
      })
      for (const fault of FAULTS) source.set(`/${fault}.jpg`, bytes(await jpeg(sample(widthOf(fault), 200))))
      const command = [process.execPath, path.join(root, 'scripts/run.mjs'), 'serve/start', 'all']
      const env = {
        ...given,
        WORKER_THREADS: '2',
        LEASE_MS: '30000',
        RENDER_TIMEOUT_MS: '15000',
      }
      const service = await startCommand(command, env, /Try: curl/)
      const over = new AbortController()
      const health = watchHealth(service.url, over.signal)
      try {
        const sound = Array.from({ length: SOUND }, (_, i) => `${source.url}/sound.jpg?${i}`)
        const faulty = FAULTS.map((fault) => `${source.url}/${fault}.jpg`)
        // Between the others, which are rendered meanwhile.
        const urls = sound.flatMap((url, i) =>
          i % 2 === 0 && faulty[i / 2] ? [url, `${faulty[i / 2]}`] : [url],
        )
        const added = await postJson<Photo[]>(`${service.url}/photos`, { urls })
        const uuids = added.map(({ uuid }) => uuid)
        await postJson(`${service.url}/photos/process`, uuids)
        const statuses = async () => {
          const { items } = await getJson<{ items: Photo[] }>(`${service.url}/photos?limit=1000`)
          return items.map(({ status }) => status)
        }
        const isOver = (status: string) => status === 'completed' || status === 'failed'
        await until(async () => (await statuses()).every(isOver), 2 * DEADLINE_MS, statuses)

        const ended = await Promise.all(uuids.map((uuid) => getJson<Photo>(`${service.url}/photos/${uuid}`)))
        const endOf = (url: string) => {
          const { status, error, timeline } = ended[urls.indexOf(url)] as Photo
          return [status, error?.code, timeline.filter(({ type }) => type === 'image.processing').length]
        }
        for (const url of sound) expect(endOf(url)).toEqual(['completed', undefined, 1])
        for (const url of faulty)
          expect
            .soft(endOf(url), url)
            .toEqual(url.endsWith('hang.jpg') ? ['failed', 'render-timeout', 1] : ['completed', undefined, 2])
        expect(await crashesOf(service.url)).toEqual({
          SIGKILL: 1,
          SIGSEGV: 1,
          SIGTRAP: 1,
          exit: 1,
          memory: 2,
          timeout: 1,
        })
        over.abort()
        expect((await health).failed).toBe(0)
        expect((await health).answered).toBeGreaterThan(0)
      } finally {
        over.abort()
        await service.kill('SIGTERM')
        await source.close()
      }
    }),
  ))
