import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { createLog, redactUrls } from '../../lib/log.ts'
import { processPhoto } from '../../lib/photos/process.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { findTimeline } from '../../lib/photos/show.ts'
import { originalKey } from '../../lib/storage/port.ts'
import { insertPhoto } from '../functions/support.ts'
import { isAvailable, SETUPS, withEnvironment, withWorker } from '../support/app.ts'
import { jpeg, sample } from '../support/images.ts'
import { DEADLINE_MS, freePort, postJson, startScript, until } from '../support/service.ts'
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
  '/babbling': ['invalid-answer', babbling],
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
  ['invalid-source', `http://127.0.0.1/${'x'.repeat(8192)}?${SECRET}`],
  ['invalid-source', `http://127.0.0.1/\n?${SECRET}`],
  ['invalid-source', `originals/../../${SECRET}`],
]

type Line = {
  msg: string
  photo_uuid?: string
  trace_id?: string
  span_id?: string
  attempt?: number
  code?: string
  url?: string
  [field: string]: unknown
}

const linesIn = (output: string): Line[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)

/** The error of each photo of which the log says that an attempt failed. */
function failuresIn(output: string): Map<string | undefined, string | undefined> {
  const failures = linesIn(output).filter(({ msg }) => msg === 'attempt failed')
  return new Map(failures.map(({ photo_uuid, code }) => [photo_uuid, code]))
}

/** What each of these photos went through, and how long it took, held to what every line says. */
function expectStages(output: string, uuids: readonly string[]): void {
  const lines = linesIn(output).filter(({ attempt }) => attempt !== undefined)
  for (const line of lines) {
    expect(line.photo_uuid).toBeTypeOf('string')
    expect(line.trace_id).toMatch(/^[0-9a-f]{32}$/)
    expect(line.span_id).toMatch(/^[0-9a-f]{16}$/)
  }
  for (const uuid of uuids) {
    const own = lines.filter(({ photo_uuid }) => photo_uuid === uuid)
    expect(own.map(({ msg }) => msg)).toEqual(['claimed', 'downloaded', 'rendered', 'stored', 'completed'])
    const [claimed, downloaded, rendered, stored, completed] = own
    expect(claimed).toMatchObject({ waited_ms: expect.any(Number) })
    expect(downloaded).toMatchObject({
      bytes: expect.any(Number),
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/[a-z-]+\?…$/),
    })
    expect(rendered).toMatchObject({ decode_ms: expect.any(Number), render_ms: expect.any(Number) })
    expect(stored).toMatchObject({ files: 1 })
    for (const line of [downloaded, rendered, stored, completed]) expect(line?.duration_ms).toBeGreaterThan(0)
  }
}

describe.for(SETUPS)('the log on $name', (setup) => {
  test.skipIf(!isAvailable(setup))('tells why a photo failed, and no secret of its URL', async () => {
    const source = await openSourceServer()
    const sources = urlsWithoutServer(source.port, await freePort())
    for (const [path, [code, route]] of Object.entries(ROUTES)) {
      source.set(path, route)
      sources.push([code, `${source.url}${path}?${SECRET}`])
    }
    source.set('/good', bytes(await jpeg(sample(40, 30))))
    source.set('/to-good', redirect(`/good?${SECRET}`))
    await withEnvironment(setup, async (given) => {
      const env = { ...given, LOG_LEVEL: 'debug', MAX_ATTEMPTS: '2', DOWNLOAD_TIMEOUT_MS: '3000' }
      const service = await startScript('start', env, /Try: curl/)
      const app = await openApp(readConfig({ ...env, LOG_LEVEL: 'silent' }))
      try {
        const codes = new Map<string, string>()
        for (const [code, url] of sources) codes.set(await insertPhoto(app, { url }), code)
        const uuids = [...codes.keys()]
        const good = await Promise.all(
          ['/good', '/to-good'].map((path) => insertPhoto(app, { url: `${source.url}${path}?${SECRET}` })),
        )
        await postJson(`${service.url}/photos/process`, [...uuids, ...good])
        const photosOf = (ids: string[]) => Promise.all(ids.map((uuid) => findPhoto(app.db, uuid)))
        const photos = () => photosOf(uuids)
        const ended = async () =>
          (await photos()).every(({ status }) => status === 'failed') &&
          (await photosOf(good)).every(({ status }) => status === 'completed')
        await until(ended, DEADLINE_MS, photos)
        for (const path of [`/photos?name=${SECRET}`, `/nowhere?${SECRET}`, `/photos/${good[0]}?${SECRET}`])
          await (await fetch(`${service.url}${path}`)).text()
        await until(() => linesIn(service.output()).filter(({ msg }) => msg === 'request').length === 4)

        const stored = new Map((await photos()).map(({ uuid, error_code }) => [uuid, error_code]))
        expect(stored).toEqual(codes)
        const output = service.output()
        expect(failuresIn(output)).toEqual(codes)
        expectStages(output, good)
        expect(linesIn(output).filter(({ msg }) => msg === 'request')).toMatchObject([
          { method: 'POST', route: '/photos/process', status: 202 },
          { method: 'GET', route: '/photos', status: 200 },
          { method: 'GET', route: 'none', status: 404 },
          { method: 'GET', route: '/photos/:uuid', status: 422, photo_uuid: good[0] },
        ])
        for (const { uuid, error } of await photos())
          expect(JSON.stringify([error, await findTimeline(app.db, uuid)])).not.toContain('s3cr3t')
        const telling = output.split('\n').filter((line) => line.includes('s3cr3t'))
        expect([...new Set(failuresIn(telling.join('\n')).values())]).toEqual([])
        expect(telling).toHaveLength(0)
        await service.kill('SIGTERM')
        expect(linesIn(service.output())).toContainEqual(
          expect.objectContaining({ msg: 'stopping', signal: 'SIGTERM' }),
        )
      } finally {
        await service.kill('SIGTERM')
        await app.close()
        await source.close()
      }
    })
  })
})

/** Breaks the render with a fault that is no broken rule. */
const FAULTY = { renditions: [{ name: 'a', operations: [{ op: 'blur', radius: 1n }], format: 'png' }] }

test('what caused a fault in a renderer is logged with its stack, and told to nobody', () =>
  withWorker(SETUPS[0], async (worker) => {
    const lines: string[] = []
    const log = createLog('warn', { write: (line) => void lines.push(line) })
    const imaging = {
      ...worker.imaging,
      render: (data: Uint8Array) => worker.imaging.render(data, FAULTY as never),
    }
    const uuid = await insertPhoto(worker, { url: originalKey(uuidv7()) })
    const { url } = await findPhoto(worker.db, uuid)
    await worker.storage.put(url, await jpeg(sample(40, 30)))
    expect(await processPhoto({ ...worker, log, imaging }, uuid)).toBe('failed')
    const failed = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'attempt failed')
    expect(failed).toMatchObject({
      code: 'render-failed',
      err: {
        message: expect.stringContaining('BigInt'),
        stack: expect.stringMatching(/imaging.blur\.ts:\d+/),
      },
    })
    const shown = [await findPhoto(worker.db, uuid), await findTimeline(worker.db, uuid)]
    expect(JSON.stringify(shown)).toContain('a: The image could not be made')
    expect(JSON.stringify(shown)).not.toMatch(/BigInt|blur\.ts/)
  }))

test.each([
  ['http://a.example/b.jpg', 'http://a.example/b.jpg'],
  ['https://user:s3cr3t@a.example:8443/b/c.jpg?Signature=s3cr3t#s3cr3t', 'https://a.example:8443/b/c.jpg?…'],
  ['http://s3cr3t@[::1]/b?s3cr3t', 'http://[::1]/b?…'],
  ['http://a.example/b#s3cr3t', 'http://a.example/b?…'],
  ['http://a.example?s3cr3t', 'http://a.example?…'],
  ['HTTP://a.example/?u=http://s3cr3t.example/?s3cr3t', 'HTTP://a.example/?…'],
  ['amqp://guest:s3cr3t@127.0.0.1:5672', 'amqp://127.0.0.1:5672'],
  [
    'cannot read "http://a.example/?s3cr3t", nor <http://b.example/?s3cr3t>',
    'cannot read "http://a.example/?…", nor <http://b.example/?…>',
  ],
  ['originals/0193', 'originals/0193'],
  ['why? because', 'why? because'],
])('of %s the log says %s', (text, redacted) => {
  expect(redactUrls(text)).toBe(redacted)
})

test('an error tells no secret of a URL, nor do its causes', () => {
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  const url = 'https://user:s3cr3t@a.example/b.jpg?s3cr3t'
  const inner = Object.assign(new Error(`${url} is away`), { options: { url } })
  const err = Object.assign(new Error(`cannot get ${url}`, { cause: inner }), { response: { url } })
  log.error({ err, url }, 'failed')
  log.error({ err: `cannot get ${url}` }, 'failed')
  expect(lines.join('')).not.toContain('s3cr3t')
  const [long, short] = lines.map((line) => JSON.parse(line))
  expect(long.err.message).toBe('cannot get https://a.example/b.jpg?… https://a.example/b.jpg?… is away')
  expect(long.url).toBe('https://a.example/b.jpg?…')
  expect(short.err).toBe('cannot get https://a.example/b.jpg?…')
})
