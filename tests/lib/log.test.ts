import { describe, expect, test } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config.ts'
import { findPhoto } from '../../lib/photos/photo.ts'
import { findTimeline } from '../../lib/photos/show.ts'
import { insertPhoto } from '../functions/support.ts'
import { isAvailable, SETUPS, withEnvironment } from '../support/app.ts'
import { freePort, postJson, startScript, until } from '../support/service.ts'
import {
  bytes,
  cut,
  cutBody,
  openSourceServer,
  type Route,
  redirect,
  stalled,
  stalledBody,
  status,
} from '../support/source-server.ts'

const SECRET = 'Signature=s3cr3t'

/** What is said by a server that speaks no HTTP, but repeats what it was asked. */
const babbling: Route = ({ socket, url }) => {
  socket.end(`${url} is not HTTP\r\n\r\n`)
}

/** Sources that fail, each in its own part of the pipeline, and the error of it. */
const ROUTES: Record<string, [code: string, route: Route]> = {
  '/rejected': ['source-rejected', status(404)],
  '/unavailable': ['source-unavailable', status(503)],
  '/no-image': ['unsupported-format', bytes(`<title>${SECRET}</title>`)],
  '/corrupt': ['corrupt-image', bytes(`GIF89a\x01\0\x01\0\0\0\0${SECRET}`)],
  '/empty': ['empty-source', bytes('')],
  '/cut': ['network-error', cut],
  '/cut-body': ['network-error', cutBody],
  '/babbling': ['network-error', babbling],
  '/stalled': ['download-timeout', stalled],
  '/stalled-body': ['download-timeout', stalledBody],
  '/to-blocked': ['blocked-address', redirect(`http://127.0.0.2/?${SECRET}`)],
  '/to-malformed': ['invalid-source', redirect(`http://[?${SECRET}`)],
  '/to-file': ['invalid-source', redirect(`file:///photo.jpg?${SECRET}`)],
  '/to-refused': ['network-error', redirect(`http://127.0.0.1:1/?${SECRET}`)],
  '/to-itself': ['too-many-redirects', redirect(`/to-itself?${SECRET}`)],
}

/** Sources that no server answers. */
const urlsWithoutServer = (port: number, closedPort: number): [code: string, url: string][] => [
  ['network-error', `http://127.0.0.1:${closedPort}/photo.jpg?${SECRET}`],
  ['network-error', `https://127.0.0.1:${port}/photo.jpg?${SECRET}`],
  ['blocked-address', `http://127.0.0.2/photo.jpg?${SECRET}`],
  ['invalid-source', `ftp://127.0.0.1/photo.jpg?${SECRET}`],
  ['invalid-source', `http://user:${SECRET}@127.0.0.1/photo.jpg`],
  ['invalid-source', `http://127.0.0.1/${'x'.repeat(2048)}?${SECRET}`],
  ['invalid-source', `http://127.0.0.1/\n?${SECRET}`],
  ['invalid-source', `originals/../../${SECRET}`],
]

/** The error of each photo of which the log says that an attempt failed. */
function failuresIn(output: string): Map<string, string> {
  const lines = output.split('\n').filter((line) => line.startsWith('{'))
  const logged = lines.map((line) => JSON.parse(line) as { msg: string; photo_uuid: string; code: string })
  const failures = logged.filter(({ msg }) => msg === 'attempt failed')
  return new Map(failures.map(({ photo_uuid, code }) => [photo_uuid, code]))
}

describe.for(SETUPS)('the log on $name', (setup) => {
  test.skipIf(!isAvailable(setup))('tells why a photo failed, and no secret of its URL', async () => {
    const source = await openSourceServer()
    const sources = urlsWithoutServer(source.port, await freePort())
    for (const [path, [code, route]] of Object.entries(ROUTES)) {
      source.set(path, route)
      sources.push([code, `${source.url}${path}?${SECRET}`])
    }
    await withEnvironment(setup, async (given) => {
      const env = { ...given, LOG_LEVEL: 'debug', MAX_ATTEMPTS: '2', DOWNLOAD_TIMEOUT_MS: '300' }
      const service = await startScript('start', env, /Try: curl/)
      const app = await openApp(readConfig({ ...env, LOG_LEVEL: 'silent' }))
      try {
        const codes = new Map<string, string>()
        for (const [code, url] of sources) codes.set(await insertPhoto(app, { url }), code)
        const uuids = [...codes.keys()]
        await postJson(`${service.url}/photos/process`, uuids)
        const photos = () => Promise.all(uuids.map((uuid) => findPhoto(app.db, uuid)))
        const ended = async () => (await photos()).every(({ status }) => status === 'failed')
        await until(ended, 20_000, photos)

        const stored = new Map((await photos()).map(({ uuid, error_code }) => [uuid, error_code]))
        expect(stored).toEqual(codes)
        const output = service.output()
        expect(failuresIn(output)).toEqual(codes)
        for (const { uuid, error } of await photos())
          expect(JSON.stringify([error, await findTimeline(app.db, uuid)])).not.toContain('s3cr3t')
        const telling = output.split('\n').filter((line) => line.includes('s3cr3t'))
        expect([...new Set(failuresIn(telling.join('\n')).values())]).toEqual([])
        expect(telling).toHaveLength(0)
      } finally {
        await service.kill('SIGTERM')
        await app.close()
        await source.close()
      }
    })
  })
})
