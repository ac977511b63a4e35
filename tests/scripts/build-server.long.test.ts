import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { SETUPS, withEnvironment } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { DEADLINE_MS, getJson, startCommand, until } from '../support/service.ts'

test('what the container image runs can be built, serves the page and makes thumbnails', () =>
  withEnvironment(SETUPS[0], async (env) => {
    await rm('dist/server', { recursive: true, force: true })
    await promisify(execFile)('npm', ['run', '--silent', 'build:server'])
    const command = [process.execPath, 'dist/server/scripts/serve/start.js', 'all']
    const service = await startCommand(command, env, /Photo processor on/)
    try {
      const html = await (await fetch(service.url)).text()
      const script = await fetch(service.url + (/src="([^"]+)"/.exec(html)?.[1] ?? expect.fail(html)))
      expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
      expect(await script.text()).toContain('/photos/process')

      const form = new FormData()
      form.append('image', new Blob([new Uint8Array(await jpeg(sample(640, 480)))]), 'photo.jpg')
      const answer = await fetch(`${service.url}/upload`, { method: 'POST', body: form })
      const { results } = (await answer.json()) as { results: { uuid: string }[] }
      const photo = () =>
        getJson<{ thumbnails: { width: number; height: number }[] }>(
          `${service.url}/photos/${results[0]?.uuid}`,
        )
      await until(async () => (await photo()).thumbnails.length > 0, DEADLINE_MS, photo)
      expect((await photo()).thumbnails).toMatchObject([{ width: 320, height: 240 }])
    } finally {
      await service.kill('SIGKILL')
    }
  }))
