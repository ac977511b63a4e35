import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { isAvailable, SETUPS, withEnvironment } from './support/app.ts'
import { DEADLINE_MS, getJson, startCommand, until } from './support/service.ts'

const run = promisify(execFile)

type Photo = {
  uuid: string
  status: string
  name: string
  error: { code: string } | null
  thumbnails: { url: string; width: number; height: number }[]
}

describe.for(SETUPS)('npm start on $name', (setup) => {
  test.skipIf(!isAvailable(setup))('takes seeded photos to thumbnails over HTTP', async () => {
    await withEnvironment(setup, async (env) => {
      const service = await startCommand(['npm', 'run', '--silent', 'start'], env, /Try: curl/)
      try {
        await run('npm', ['run', '--silent', 'seed'], { env: { PATH: process.env.PATH, ...env } })
        const pending = await getJson<Photo[]>(`${service.url}/photos/pending`)
        expect(pending).toHaveLength(6)
        const answer = await fetch(`${service.url}/photos/process`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(pending.map(({ uuid }) => uuid)),
        })
        expect(answer.status).toBe(202)
        const photos = async () => (await getJson<{ items: Photo[] }>(`${service.url}/photos`)).items
        await until(
          async () => (await photos()).every(({ status }) => ['completed', 'failed'].includes(status)),
          DEADLINE_MS,
          photos,
        )
        const byName = new Map((await photos()).map((photo) => [photo.name, photo]))
        expect(byName.get('broken.jpg')).toMatchObject({ status: 'failed', error: { code: 'corrupt-image' } })
        const sizes: Record<string, number[]> = {}
        for (const [name, { uuid, status }] of byName) {
          if (status === 'failed') continue
          const { thumbnails } = await getJson<Photo>(`${service.url}/photos/${uuid}`)
          const [thumbnail] = thumbnails
          sizes[name] = [thumbnail?.width ?? 0, thumbnail?.height ?? 0]
          const file = await fetch(`${service.url}/files/${thumbnail?.url}`)
          expect(file.headers.get('content-type')).toBe('image/jpeg')
          expect(
            Buffer.from(await file.arrayBuffer())
              .subarray(0, 3)
              .toString('hex'),
          ).toBe('ffd8ff')
        }
        expect(sizes).toEqual({
          'landscape.jpg': [320, 240],
          'portrait.png': [213, 320],
          'panorama.bmp': [320, 53],
          'tiny.gif': [48, 32],
          'rotated.jpg': [240, 320],
        })
      } finally {
        expect(await service.kill('SIGTERM')).toBe(0)
      }
    })
  })
})
