import { spawnSync } from 'node:child_process'
import { copyFile, truncate } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { SETUPS, withEnvironment } from '../support/app.ts'
import { WASM, withCopiedTree } from '../support/copied-tree.ts'
import { jpeg, sample } from '../support/images.ts'
import { getJson, startCommand, until } from '../support/service.ts'

const ROLES = [
  {
    role: 'worker',
    missing: /^lib\/imaging\/wasm\/imaging\.wasm is missing: run "npm ci --include=dev" \(.*\n$/,
  },
  {
    role: 'api',
    missing: /^lib\/page\/main\.js, or esbuild .*, is missing: run "npm ci --include=dev" \(.*\n$/,
  },
  { role: 'all', missing: /^lib\/.* is missing: run "npm ci --include=dev" \(.*\n$/ },
]

test('without what development packages build, each role that needs it refuses to start', () =>
  withEnvironment(SETUPS[0], (env) =>
    withCopiedTree({ files: [WASM], packages: ['esbuild'] }, async (root) => {
      const start = (role: string) => {
        const options = { cwd: root, env, encoding: 'utf8' } as const
        return spawnSync(process.execPath, ['scripts/run.mjs', 'serve/start', role], options)
      }
      for (const { role, missing } of ROLES)
        expect(start(role), role).toMatchObject({
          status: 1,
          stdout: '',
          stderr: expect.stringMatching(missing),
        })
      expect(start('migrate')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^applied /) })
    }),
  ))

type Photo = { status: string; attempts: number }

test('a service that cannot render says so and leaves its photos to a repaired one', () =>
  withEnvironment(SETUPS[0], (env) =>
    withCopiedTree({}, async (root) => {
      const start = () =>
        startCommand(
          [process.execPath, path.join(root, 'scripts/run.mjs'), 'serve/start', 'all'],
          env,
          /Photo processor on/,
        )
      const readiness = async (url: string) => {
        const answer = await fetch(`${url}/readyz`)
        return { status: answer.status, body: await answer.json() }
      }
      await truncate(path.join(root, WASM), 1000)
      const broken = await start()
      let uuid: string | undefined
      try {
        expect(await readiness(broken.url)).toMatchObject({
          status: 503,
          body: { status: 'unavailable', checks: { database: 'up', imaging: 'down' } },
        })
        const form = new FormData()
        form.append('image', new Blob([new Uint8Array(await jpeg(sample(64, 48)))]), 'photo.jpg')
        const answer = await fetch(`${broken.url}/upload`, { method: 'POST', body: form })
        uuid = ((await answer.json()) as { results: { uuid: string }[] }).results[0]?.uuid
        expect(await getJson<Photo>(`${broken.url}/photos/${uuid}`)).toMatchObject({ status: 'pending' })
      } finally {
        await broken.kill('SIGTERM')
      }
      await copyFile(WASM, path.join(root, WASM))
      const repaired = await start()
      try {
        // The image path is tested while the service listens.
        await until(async () => (await readiness(repaired.url)).status === 200)
        expect(await readiness(repaired.url)).toMatchObject({ body: { checks: { imaging: 'up' } } })
        const photo = () => getJson<Photo>(`${repaired.url}/photos/${uuid}`)
        await until(async () => (await photo()).status === 'completed', 60_000, photo)
        expect((await photo()).attempts).toBe(1)
      } finally {
        await repaired.kill('SIGKILL')
      }
    }),
  ))
