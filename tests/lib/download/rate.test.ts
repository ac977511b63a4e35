import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type Route, stalledBody } from '../../support/source-server.ts'
import { downloader, failureOf, source, TIMEOUT } from './support.ts'

/** So many bytes every 10 ms, so often. */
const dripping =
  (bytes: number, times: number, headers = {}): Route =>
  (_, response) => {
    let left = times
    response.writeHead(200, headers)
    const timer = setInterval(() => {
      response.write(Buffer.alloc(bytes, 'x'))
      if (--left === 0) response.end()
    }, 10)
    response.on('close', () => clearInterval(timer))
  }

describe('a source that is slow', () => {
  const leastRate = { bytes: 1000, ms: 300 }

  it.each([
    ['sends a byte now and then', dripping(1, 1e6)],
    ['does so with a length', dripping(1, 1e6, { 'content-length': 1e6 })],
    ['sends nothing after its first bytes', stalledBody],
  ])('and %s is given up early', async (_, route) => {
    source.set('/private', route)
    expect(
      await failureOf(`${source.url}/private?hunter2`, { leastRate, timeoutMs: 600_000, maxBytes: 2e6 }),
    ).toMatchObject({
      ...TIMEOUT,
      message: 'The source sent less than 1000 bytes in 0.3 s',
    })
  })

  it('but sends enough is waited for', async () => {
    source.set('/a', dripping(1000, 100))
    const { data } = await downloader({ leastRate: { bytes: 10, ms: 100 } }).fetch(`${source.url}/a`)
    expect(data).toHaveLength(100_000)
  })

  it('is measured by what it sends, not by what that becomes', async () => {
    const data = gzipSync(Buffer.alloc(90_000))
    source.set('/a', (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).write(data.subarray(0, -9))
    })
    expect(await failureOf(`${source.url}/a`, { leastRate })).toMatchObject(TIMEOUT)
  })

  it('is not to blame for a process that was busy', async () => {
    source.set('/a', (_, response) => {
      response.writeHead(200).write('x')
      const blockAfterMore = () => {
        response.write(Buffer.alloc(5000))
        const end = performance.now() + 1500
        while (performance.now() < end);
        response.end()
      }
      // After sockets are read and before timers are looked at.
      setTimeout(setImmediate, 300, blockAfterMore)
    })
    const { data } = await downloader({ leastRate: { bytes: 1000, ms: 1000 } }).fetch(`${source.url}/a`)
    expect(data).toHaveLength(5001)
  })
})
