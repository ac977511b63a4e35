import { expect, test } from 'vitest'
import { isAvailable, SETUPS, withEnvironment } from './support/app.ts'
import { jpeg, sample } from './support/images.ts'
import { DEADLINE_MS, getJson, startScript, submitPhotos, until } from './support/service.ts'
import { bytes, openSourceServer, sequence, status } from './support/source-server.ts'

const SERVERS = SETUPS[1]

type Photo = { uuid: string; status: string; timeline: { type: string; attempt: number }[] }

test.skipIf(!isAvailable(SERVERS))(
  'api, two workers and the relay run apart; one worker is killed and nothing is lost',
  () =>
    withEnvironment(SERVERS, async (given) => {
      // Sweeps that are so far apart find nothing lost that a worker is just about to claim.
      const env = { ...given, SWEEP_INTERVAL_MS: '2000' }
      const photo = bytes(await jpeg(sample(640, 480)))
      const source = await openSourceServer({ '/photo.jpg': photo })
      // A host of its own: its photo waits for no other download.
      const faltering = await openSourceServer({ '/late.jpg': sequence(status(503), photo) })
      const api = await startScript('api', env, /Try: curl/)
      const workers = [await startScript('worker', env, /ready/), await startScript('worker', env, /ready/)]
      const relay = await startScript('relay', env, /ready/)
      const urls = [
        `${faltering.url}/late.jpg`,
        ...Array.from({ length: 100 }, (_, i) => `${source.url}/photo.jpg?${i}`),
      ]
      const photos = await submitPhotos<Photo>(api.url, urls)
      const completed = async () =>
        (await getJson<{ items: Photo[] }>(`${api.url}/photos?status=completed&limit=1000`)).items.length
      const readLate = () => getJson<Photo>(`${api.url}/photos/${photos[0]?.uuid}`)
      await until(async () => (await readLate()).status === 'completed' && (await completed()) > 5)
      await workers[0]?.kill('SIGKILL')
      await until(async () => (await completed()) === 101, DEADLINE_MS, completed)
      const late = await readLate()
      expect(late.timeline.map(({ type, attempt }) => [type, attempt])).toEqual([
        ['image.created', null],
        ['image.queued', null],
        ['image.processing', 1],
        ['image.retrying', 1],
        ['image.queued', 1],
        ['image.processing', 2],
        ['image.uploaded', 2],
      ])
      expect(await Promise.all([workers[1], relay, api].map((part) => part?.kill('SIGTERM')))).toEqual([
        0, 0, 0,
      ])
      await source.close()
      await faltering.close()
    }),
)

test('a worker apart refuses to start without a broker, in one line', async () => {
  await withEnvironment(SETUPS[0], async (env) => {
    await expect(startScript('worker', env, /ready/)).rejects.toThrow(
      'RABBITMQ_URL must be set: worker in a process of its own needs a queue that all can reach',
    )
  })
})

test('a wrong value stops the start with one line that names the variable', async () => {
  await withEnvironment(SETUPS[0], async (env) => {
    await expect(startScript('start', { ...env, MAX_ATTEMPTS: 'many' }, /Try/)).rejects.toThrow(
      /^\S+ --max-semi-space-size=4 scripts\/run\.mjs serve\/start all ended: MAX_ATTEMPTS must be a whole number from 1 to 1000\n$/,
    )
  })
})
