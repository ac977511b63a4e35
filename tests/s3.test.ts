import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { PROJECT_RECIPE } from '../lib/imaging/recipe.ts'
import { isKey } from '../lib/storage/port.ts'
import { isAvailable, SETUPS, withEnvironment } from './support/app.ts'
import { jpeg, sample } from './support/images.ts'
import { decoded } from './support/reference.ts'
import { openS3Server, type S3Server } from './support/s3-server.ts'
import { DEADLINE_MS, getJson, postJson, startScript, until } from './support/service.ts'

type Link = { image_id: string; upload_link: string; params: Record<string, string> }
type Image = { state: string; versions: Record<string, string | null>; error: unknown }

/** Posts the form of an upload link, as a browser does. */
function upload({ upload_link, params }: Link, data: Uint8Array<ArrayBuffer>): Promise<Response> {
  const form = new FormData()
  for (const [name, value] of Object.entries(params)) form.append(name, value)
  form.append('file', new Blob([data]))
  return fetch(upload_link, { method: 'POST', body: form })
}

async function withBucket(use: (server: S3Server) => Promise<void>): Promise<void> {
  const server = await openS3Server()
  await use(server)
  await server.close()
}

/** All but what says to which database they belong. */
const keysIn = ({ objects }: S3Server) => [...objects.keys()].filter(isKey)

describe.for(SETUPS)('projects with a bucket on $name', (setup) => {
  test.skipIf(!isAvailable(setup))('an image goes to the bucket and comes back in five versions', () =>
    withBucket((server) =>
      withEnvironment(setup, async (env) => {
        const service = await startScript('start', { ...env, ...server.env }, /Try: curl/)
        const link = await postJson<Link>(`${service.url}/images`, { filename: 'a.jpg', project_id: 7 })
        expect(link.upload_link).toBe(`${server.url}/photos`)
        const early = await fetch(`${service.url}/images/${link.image_id}/uploaded`, { method: 'POST' })
        expect(early.status).toBe(409)
        const original = new Uint8Array(await jpeg(sample(1600, 1200)))
        expect((await upload(link, original)).status).toBe(204)
        const confirmed = await fetch(`${service.url}/images/${link.image_id}/uploaded`, { method: 'POST' })
        expect(confirmed.status).toBe(202)
        const show = async () =>
          (await getJson<{ images: Image[] }>(`${service.url}/projects/7/images`)).images[0]
        await until(async () => (await show())?.state === 'done', DEADLINE_MS, show)
        const versions = (await show())?.versions ?? {}
        expect(Object.keys(versions)).toEqual([
          'original',
          ...PROJECT_RECIPE.renditions.map(({ name }) => name),
        ])
        const sizes: string[] = []
        for (const [name, url] of Object.entries(versions)) {
          const redirect = await fetch(url ?? '', { redirect: 'manual' })
          expect([redirect.status, redirect.headers.get('cache-control')]).toEqual([302, 'no-store'])
          const bytes = new Uint8Array(await (await fetch(url ?? '')).arrayBuffer())
          if (name === 'original') expect(bytes).toEqual(original)
          const { width, height } = await decoded(bytes)
          sizes.push(`${width}x${height}`)
        }
        expect(sizes).toEqual(['1600x1200', '150x113', '700x525', '1440x1080', '1600x1200'])
        expect(keysIn(server).every((key) => key.includes(link.image_id))).toBe(true)
        expect(keysIn(server)).toHaveLength(5)
        expect((await fetch(`${service.url}/photos/${link.image_id}`, { method: 'DELETE' })).status).toBe(204)
        expect(keysIn(server)).toEqual([])
        await service.kill('SIGTERM')
      }),
    ),
  )
})

test('what is uploaded again after the confirmation is not processed', () =>
  withBucket((server) =>
    withEnvironment(SETUPS[0], async (env) => {
      const service = await startScript(
        'start',
        { ...env, ...server.env, WORKER_THREADS: '1', MAX_ATTEMPTS: '1' },
        /Try/,
      )
      const link = await postJson<Link>(`${service.url}/images`, { filename: 'a.jpg', project_id: 7 })
      await upload(link, new Uint8Array(await jpeg(sample(64, 48))))
      await postJson(`${service.url}/images/${link.image_id}/uploaded`, {})
      const show = async () =>
        (await getJson<{ images: Image[] }>(`${service.url}/projects/7/images`)).images[0]
      await until(async () => (await show())?.state === 'done', DEADLINE_MS, show)
      const before = await show()
      expect((await upload(link, new Uint8Array(await jpeg(sample(32, 32))))).status).toBe(204)
      expect(
        (await fetch(`${service.url}/images/${link.image_id}/uploaded`, { method: 'POST' })).status,
      ).toBe(202)
      await postJson(`${service.url}/photos/process`, { uuids: [link.image_id], force: true })
      await until(async () => (await show())?.state === 'error', DEADLINE_MS, show)
      expect(before?.error).toBeNull()
      expect((await show())?.error).toMatchObject({ code: 'source-changed' })
      await service.kill('SIGTERM')
    }),
  ))

test('npm run s3:setup makes the bucket and the rule that browsers need', () =>
  withBucket(async (server) => {
    const setUp = () =>
      promisify(execFile)(process.execPath, ['scripts/run.mjs', 's3-setup'], {
        env: { ...process.env, ...server.env },
      })
    server.drop()
    expect((await setUp()).stdout).toBe('made bucket photos, set its CORS rule\n')
    expect((await setUp()).stdout).toBe('found bucket photos, set its CORS rule\n')
    expect(server.cors()).toContain('<AllowedMethod>POST</AllowedMethod>')
  }))
