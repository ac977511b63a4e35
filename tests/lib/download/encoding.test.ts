import { randomBytes } from 'node:crypto'
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { encoded } from '../../support/source-server.ts'
import { downloader, EMPTY, failureOf, INVALID_ANSWER, source, TOO_MANY_BYTES } from './support.ts'

const PLAIN = Buffer.from(new Uint8Array(90_000).map((_, i) => i * i))
const MIB = 1024 * 1024

describe('a body that is encoded without being asked', () => {
  it.each([
    ['gzip', gzipSync(PLAIN)],
    ['X-GZIP', gzipSync(PLAIN)],
    ['gzip', Buffer.concat([gzipSync(PLAIN.subarray(0, 50_000)), gzipSync(PLAIN.subarray(50_000))])],
    ['deflate', deflateSync(PLAIN)],
    ['deflate', deflateRawSync(PLAIN)],
    ['br', brotliCompressSync(PLAIN)],
    ['identity', PLAIN],
    ['br, gzip', gzipSync(brotliCompressSync(PLAIN))],
    ['deflate,identity,\tgzip', gzipSync(deflateSync(PLAIN))],
    ['', PLAIN],
  ])('as %j is decoded', async (encoding, data) => {
    source.set('/a', encoded(data, encoding))
    const downloaded = await downloader().fetch(`${source.url}/a`)
    expect(Buffer.compare(downloaded.data, PLAIN)).toBe(0)
  })

  it('arrives byte by byte', async () => {
    const data = deflateRawSync(PLAIN.subarray(0, 100))
    source.set('/a', (_, response) => {
      response.writeHead(200, { 'content-encoding': 'deflate' })
      let sent = 0
      const timer = setInterval(() => {
        if (sent < data.length) return response.write(data.subarray(sent, ++sent))
        clearInterval(timer)
        return response.end()
      }, 1)
    })
    const downloaded = await downloader().fetch(`${source.url}/a`)
    expect(Buffer.compare(downloaded.data, PLAIN.subarray(0, 100))).toBe(0)
  })

  it.each(['zstd', 'compress', 'constructor', 'br, aes128gcm', 'gzip, gzip, gzip', 'gzip;q=1'])(
    'as %s is refused',
    async (encoding) => {
      source.set('/private', encoded(PLAIN, encoding))
      expect(await failureOf(`${source.url}/private?hunter2`)).toMatchObject(INVALID_ANSWER)
      expect(source.hits).toHaveLength(1)
    },
  )

  it.each([
    ['gzip', PLAIN],
    ['gzip', gzipSync(PLAIN).subarray(0, -20)],
    ['gzip', gzipSync(PLAIN).fill(0xff, 50, 80)],
    ['deflate', deflateSync(PLAIN).subarray(0, 100)],
    ['br', PLAIN],
    ['br', brotliCompressSync(PLAIN).subarray(0, -1)],
    ['br, gzip', gzipSync(PLAIN)],
  ])('as %s and damaged is refused', async (encoding, data) => {
    source.set('/private', encoded(data, encoding))
    expect(await failureOf(`${source.url}/private?hunter2`)).toMatchObject(INVALID_ANSWER)
  })

  it.each(['gzip', 'deflate', 'br'])('as %s and empty is empty', async (encoding) => {
    source.set('/a', encoded(Buffer.alloc(0), encoding))
    expect(await failureOf(`${source.url}/a`)).toMatchObject(EMPTY)
  })
})

describe('a size', () => {
  it('at the limit is taken, both encoded and decoded', async () => {
    const decoded = Buffer.alloc(5000)
    source.set('/small', encoded(gzipSync(decoded), 'gzip'))
    expect((await downloader({ maxBytes: 5000 }).fetch(`${source.url}/small`)).data).toHaveLength(5000)
    expect(await failureOf(`${source.url}/small`, { maxBytes: 4999 })).toMatchObject(TOO_MANY_BYTES)
    const random = randomBytes(5000)
    const larger = gzipSync(random)
    source.set('/random', encoded(larger, 'gzip'))
    const { data } = await downloader({ maxBytes: larger.length }).fetch(`${source.url}/random`)
    expect(Buffer.compare(data, random)).toBe(0)
    const maxBytes = larger.length - 1
    expect(await failureOf(`${source.url}/random`, { maxBytes })).toMatchObject(TOO_MANY_BYTES)
  })

  it.each([
    ['gzip', gzipSync(Buffer.alloc(300 * MIB))],
    ['br', brotliCompressSync(Buffer.alloc(300 * MIB), { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })],
    ['gzip, gzip', gzipSync(gzipSync(Buffer.alloc(300 * MIB)))],
  ])('of a bomb in %s ends at the limit', async (encoding, data) => {
    source.set('/bomb', encoded(data, encoding))
    const before = process.memoryUsage().arrayBuffers
    expect(await failureOf(`${source.url}/bomb`, { maxBytes: 10 * MIB })).toMatchObject(TOO_MANY_BYTES)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * MIB)
  })

  it('without end is cut while it comes', async () => {
    const chunk = gzipSync(randomBytes(60_000))
    const closed = new Promise<void>((resolve) => {
      source.set('/endless', (_, response) => {
        response.on('close', resolve)
        response.writeHead(200, { 'content-encoding': 'gzip' })
        const fill = () => {
          while (!response.destroyed && response.write(chunk));
        }
        response.on('drain', fill)
        fill()
      })
    })
    expect(await failureOf(`${source.url}/endless`, { maxBytes: MIB })).toMatchObject(TOO_MANY_BYTES)
    await closed
  })
})
