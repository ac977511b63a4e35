import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bytes, raw, sequence, status } from '../../support/source-server.ts'
import { downloader, EMPTY, failureOf, INVALID_ANSWER, NETWORK, source } from './support.ts'

const HEAD = 'HTTP/1.1 200 OK\r\n'

describe('an answer', () => {
  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['of HTTP/9.9', 'HTTP/9.9 200 OK\r\n\r\n'],
    ['with two lengths', `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    ['with a length that is none', `${HEAD}Content-Length: 2 or 3\r\n\r\nab`],
    ['with a negative length', `${HEAD}Content-Length: -2\r\n\r\nab`],
    [
      'with a length beside chunks',
      `${HEAD}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`,
    ],
    ['with a chunk of no size', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n`],
    ['with a header of control characters', `${HEAD}X-A: \x01\x00\r\nContent-Length: 1\r\n\r\na`],
    ['with a header without a name', `${HEAD}: a\r\nContent-Length: 1\r\n\r\na`],
    ['with headers of 100 kB', `${HEAD}${`X-A: ${'a'.repeat(1000)}\r\n`.repeat(100)}\r\na`],
    ['with a header of 100 kB', `${HEAD}X-A: ${'a'.repeat(100_000)}\r\n\r\na`],
    ['with a location of 100 kB', `HTTP/1.1 302 Found\r\nLocation: /${'a'.repeat(100_000)}\r\n\r\n`],
  ])('%s is final', async (_, answer) => {
    source.set('/private', raw(answer))
    expect(await failureOf(`${source.url}/private?hunter2`)).toMatchObject({
      ...INVALID_ANSWER,
      message: 'The answer of the source breaks the rules of HTTP',
    })
    expect(source.hits).toHaveLength(1)
  })

  it.each([
    ['in its status', 'HTTP/1.1 20'],
    ['in its headers', `${HEAD}Content-Le`],
    ['before its body', `${HEAD}Content-Length: 10\r\n\r\n`],
    ['in its body', `${HEAD}Content-Length: 10\r\n\r\nab`],
    ['in its chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nab`],
    ['before its last chunk', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`],
  ])('that ends %s may pass', async (_, answer) => {
    source.set('/private', raw(answer))
    expect(await failureOf(`${source.url}/private?hunter2`)).toMatchObject(NETWORK)
  })

  it('that ends with the connection is whole', async () => {
    source.set('/a', raw(`HTTP/1.0 200 OK\r\n\r\n${'a'.repeat(1000)}`))
    expect((await downloader().fetch(`${source.url}/a`)).data).toHaveLength(1000)
  })

  it('with a part of the source is refused', async () => {
    source.set('/part', (_, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-9/100', 'content-length': 10 }).end('0123456789')
    })
    expect(await failureOf(`${source.url}/part`)).toMatchObject(INVALID_ANSWER)
  })

  it('without bytes is refused', async () => {
    source.set('/empty', bytes('', 'image/png'))
    source.set('/chunked', (_, response) => response.writeHead(200).end())
    source.set('/204', status(204))
    source.set('/205', (_, response) => response.writeHead(205).end())
    for (const path of ['/empty', '/chunked', '/204', '/205'])
      expect.soft(await failureOf(`${source.url}${path}`), path).toMatchObject(EMPTY)
  })

  it('in pieces of all sizes is put together', async () => {
    const sizes = [1, 2, 1000, 65_536, 1, 200_000, 4095, 70_000]
    const all = randomBytes(sizes.reduce((sum, size) => sum + size))
    source.set('/pieces', async (_, response) => {
      let at = 0
      for (const size of sizes) {
        response.write(all.subarray(at, at + size))
        at += size
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      response.end()
    })
    const { data: received } = await downloader({ maxBytes: 1e6 }).fetch(`${source.url}/pieces`)
    expect(Buffer.compare(received, all)).toBe(0)
  })

  it('that is broken once leaves the next download alone', async () => {
    source.set('/flaky', sequence(raw('no HTTP\r\n\r\n'), bytes('a')))
    const { fetch } = downloader()
    await expect(fetch(`${source.url}/flaky`)).rejects.toMatchObject(INVALID_ANSWER)
    expect((await fetch(`${source.url}/flaky`)).data).toHaveLength(1)
  })
})
