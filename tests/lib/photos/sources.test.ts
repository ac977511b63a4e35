import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { addPhotos } from '../../../lib/photos/add.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { SETUPS } from '../../support/app.ts'
import * as images from '../../support/images.ts'
import { processorTime } from '../../support/processor-time.ts'
import {
  bytes,
  cut,
  dripping,
  endless,
  openSourceServer,
  type Route,
  redirect,
  type SourceServer,
  sequence,
  stalled,
  stalledBody,
  status,
} from '../../support/source-server.ts'
import { hiddenScans, hugePng, loopingTiff, scanBomb, tinyGif } from '../imaging/bombs.ts'
import {
  addPhoto,
  attempt,
  expectCompleted,
  expectFailed,
  expectRetried,
  sharedPipeline,
  withConfig,
} from './support.ts'

const pipeline = sharedPipeline(SETUPS[0])
const jpeg = await images.jpeg(images.sample(48, 32))

/** Listens where no download may get. */
let elsewhere: SourceServer
beforeAll(async () => {
  elsewhere = await openSourceServer({ '/photo.jpg': bytes(jpeg) }, '127.0.0.2')
})
afterEach(() => expect(elsewhere.hits).toEqual([]))
afterAll(() => elsewhere.close())

/** The photo with a Content-Length of its own, which is not its length. */
const declaring =
  (length: number): Route =>
  ({ socket }) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`
    socket.end(Buffer.concat([Buffer.from(head), jpeg]))
  }

/** A redirect to itself with one redirect less to go, then the photo. */
const redirecting =
  (times: number): Route =>
  (request, response) => {
    const [path, done = '0'] = (request.url ?? '').split('?')
    const route = Number(done) < times ? redirect(`${path}?${Number(done) + 1}`) : bytes(jpeg)
    route(request, response)
  }

test.each<[string, string, Route]>([
  ['404', 'source-rejected', status(404)],
  ['410', 'source-rejected', status(410)],
  ['403', 'source-rejected', status(403)],
  ['401', 'source-rejected', status(401)],
  ['204', 'empty-source', status(204)],
  ['zero bytes', 'empty-source', bytes('')],
  ['HTML that says it is a JPEG', 'unsupported-format', bytes('<!doctype html><title>no photo</title>')],
  ['a TIFF', 'unsupported-format', bytes(Buffer.from('4d4d002a00000008', 'hex'), 'image/tiff')],
  ['a truncated JPEG', 'corrupt-image', bytes(jpeg.subarray(0, jpeg.length >> 1))],
  ['6 redirects', 'too-many-redirects', redirecting(6)],
  ['a redirect to another scheme', 'invalid-source', redirect('file:///etc/passwd')],
  ['a redirect to a malformed URL', 'invalid-source', redirect('http://[')],
  ['a redirect to the metadata service', 'blocked-address', redirect('http://169.254.169.254/')],
])('gives up at once on %s as %s', async (_, code, route) => {
  const { uuid, outcome } = await attempt(pipeline(), route)
  expect(outcome).toBe('failed')
  const { timeline } = await expectFailed(pipeline(), uuid, code)
  expect(timeline.map(({ type }) => type)).toEqual(['image.processing', 'image.failed'])
})

test.each<[string, string, Route]>([
  ['503', 'source-unavailable', status(503)],
  ['500', 'source-unavailable', status(500)],
  ['408', 'source-unavailable', status(408)],
  ['425', 'source-unavailable', status(425)],
  ['429', 'source-unavailable', status(429)],
  ['a connection that is cut', 'network-error', cut],
  ['fewer bytes declared than sent', 'network-error', declaring(jpeg.length - 20)],
  ['more bytes declared than sent', 'network-error', declaring(jpeg.length + 20)],
])('tries again after %s as %s, and completes', async (_, code, route) => {
  const { uuid, outcome } = await attempt(pipeline(), sequence(route, bytes(jpeg)))
  expect(outcome).toBe('retried')
  await expectRetried(pipeline(), uuid, code)
  expect(await processPhoto(pipeline().app, uuid)).toBe('completed')
  await expectCompleted(pipeline(), uuid, 2)
})

test.each([
  ['seconds', () => '7'],
  ['a date', () => new Date(Date.now() + 8000).toUTCString()],
])('honours Retry-After in %s', async (_, value) => {
  const before = Date.now()
  const { uuid } = await attempt(pipeline(), status(429, { 'retry-after': value() }))
  const { due } = await expectRetried(pipeline(), uuid, 'source-unavailable')
  expect(due.getTime()).toBeGreaterThanOrEqual(before + 7000)
  expect(due.getTime()).toBeLessThan(Date.now() + 9000)
})

test('follows 5 redirects', async () => {
  const { uuid, outcome } = await attempt(pipeline(), redirecting(5))
  expect(outcome).toBe('completed')
  await expectCompleted(pipeline(), uuid)
})

test.each<[string, Route]>([
  ['never answers', stalled],
  ['stops in the middle', stalledBody],
  ['drips for ever', dripping],
])('tries a source again that %s, MAX_ATTEMPTS times', (_, route) =>
  withConfig(pipeline(), { downloadTimeoutMs: 200, maxAttempts: 2 }, async (hasty) => {
    const { uuid, outcome } = await attempt(hasty, route)
    expect(outcome).toBe('retried')
    await expectRetried(hasty, uuid, 'download-timeout')
    expect(await processPhoto(hasty.app, uuid)).toBe('failed')
    await expectFailed(hasty, uuid, 'download-timeout', 2)
  }),
)

test.each<[string, Route]>([
  ['never end', endless],
  ['are one too many', bytes(Buffer.alloc(10_001))],
])('gives up at once on bytes that %s', (_, route) =>
  withConfig(pipeline(), { maxSourceBytes: 10_000 }, async (small) => {
    const { uuid, outcome } = await attempt(small, route)
    expect(outcome).toBe('failed')
    await expectFailed(small, uuid, 'too-many-bytes')
  }),
)

test('takes as many bytes and pixels as allowed, and not one more pixel', async () => {
  const exact = { maxSourceBytes: jpeg.length, maxSourcePixels: 48 * 32 }
  await withConfig(pipeline(), exact, async (just) => {
    const { uuid } = await attempt(just, jpeg)
    await expectCompleted(just, uuid)
  })
  await withConfig(pipeline(), { maxSourcePixels: 48 * 32 - 1 }, async (small) => {
    const { uuid, outcome } = await attempt(small, jpeg)
    expect(outcome).toBe('failed')
    await expectFailed(small, uuid, 'too-many-pixels')
  })
})

test('gives up at once on a redirect to an address that may not be reached, which sees no request', async () => {
  const { uuid, outcome } = await attempt(pipeline(), redirect(`${elsewhere.url}/photo.jpg`))
  expect(outcome).toBe('failed')
  await expectFailed(pipeline(), uuid, 'blocked-address')
})

test('reaches no loopback address unless told, in no spelling', () =>
  withConfig(pipeline(), { sourceAllowCidrs: [] }, async (closed) => {
    const hits = closed.source.hits.length
    const { port } = closed.source
    const hosts = ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost', '0.0.0.0']
    const urls = hosts.map((host) => ({ url: `http://${host}:${port}/photo.jpg`, door: 'photos' as const }))
    for (const { uuid } of await addPhotos(closed.app, urls)) {
      expect(await processPhoto(closed.app, uuid)).toBe('failed')
      await expectFailed(closed, uuid, 'blocked-address')
    }
    expect(closed.source.hits).toHaveLength(hits)
  }))

test.each([
  ['PNG of 20000x20000', 'too-many-pixels', hugePng()],
  ['GIF screen of 65535x65535', 'too-many-pixels', tinyGif([65_535, 65_535], [1, 1])],
  ['GIF frame of 60000x60000 on a small screen', 'too-many-pixels', tinyGif([1, 1], [60_000, 60_000])],
  ['TIFF that points to itself', 'unsupported-format', loopingTiff()],
  ['JPEG of 3000 scans', 'corrupt-image', scanBomb(3000)],
  ['JPEG of hidden scans', 'corrupt-image', hiddenScans()],
])('gives up soon on a %s', async (_, code, bomb) => {
  const warm = await addPhoto(pipeline(), jpeg)
  expect(await processPhoto(pipeline().app, warm)).toBe('completed')
  const uuid = await addPhoto(pipeline(), bomb)
  const time = await processorTime(async () =>
    expect(await processPhoto(pipeline().app, uuid)).toBe('failed'),
  )
  expect(time).toBeLessThan(1000)
  await expectFailed(pipeline(), uuid, code)
})
