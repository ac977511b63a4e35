import { describe, expect, it } from 'vitest'
import { bytes, endless, lying, raw, status } from '../../support/source-server.ts'
import { answering, downloader, elsewhere, failureOf, NETWORK, source, TOO_MANY_BYTES } from './support.ts'

describe('a download', () => {
  it('brings the bytes, their type and where they came from', async () => {
    const data = new Uint8Array(90_000).map((_, i) => i)
    source.set('/a.jpg', bytes(data, 'image/jpeg'))
    expect(await downloader().fetch(`${source.url}/a.jpg?size=1`)).toEqual({
      data,
      contentType: 'image/jpeg',
      url: `${source.url}/a.jpg?size=1`,
      release: expect.any(Function),
    })
  })

  it('says who asks, wants no compression and carries no cookies', async () => {
    source.set('/cookie', status(302, { location: '/a.jpg', 'set-cookie': 'a=b' }))
    source.set('/a.jpg', bytes('a'))
    await downloader().fetch(`${source.url}/cookie`)
    expect(source.hits).toHaveLength(2)
    for (const { headers } of source.hits) {
      expect(headers).toMatchObject({
        'user-agent': 'Photos/2.0',
        'accept-encoding': 'identity',
        accept: expect.stringMatching(/^image\/jpeg,.*\*\/\*;q=0\.\d$/),
      })
      expect(headers).not.toHaveProperty('cookie')
      expect(headers).not.toHaveProperty('referer')
    }
  })

  it('asks anew every time', async () => {
    source.set('/a', (_, response) => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('a'))
    const { fetch } = downloader()
    await fetch(`${source.url}/a`)
    await fetch(`${source.url}/a`)
    expect(source.hits).toHaveLength(2)
  })

  it('runs beside others', async () => {
    const together = Promise.withResolvers<void>()
    source.set('/slow', async (request, response) => {
      if (source.hits.length === 50) together.resolve()
      await together.promise
      return bytes('slow')(request, response)
    })
    const { fetch } = downloader()
    const all = await Promise.all(Array.from({ length: 50 }, (_, i) => fetch(`${source.url}/slow?${i}`)))
    expect(all.map(({ url }) => url)).toEqual(all.map((_, i) => `${source.url}/slow?${i}`))
  })

  it('goes on after many refusals', async () => {
    source.set('/a', bytes('a'))
    const { fetch } = downloader({ lookup: answering(['127.0.0.2']) })
    const refused = await Promise.allSettled(
      Array.from({ length: 300 }, () => fetch(`http://refused.test:${elsewhere.port}/secret`)),
    )
    expect(refused.every((one) => one.status === 'rejected' && one.reason.code === 'blocked-address')).toBe(
      true,
    )
    expect((await fetch(`${source.url}/a`)).data).toHaveLength(1)
  })
})

describe('a size', () => {
  it('at the limit is taken, declared or not', async () => {
    source.set('/declared', bytes('x'.repeat(1000)))
    source.set('/chunked', (_, response) =>
      response.write('x'.repeat(500), () => response.end('x'.repeat(500))),
    )
    for (const path of ['/declared', '/chunked']) {
      expect((await downloader({ maxBytes: 1000 }).fetch(`${source.url}${path}`)).data).toHaveLength(1000)
      expect(await failureOf(`${source.url}${path}`, { maxBytes: 999 })).toMatchObject(TOO_MANY_BYTES)
    }
  })

  it('that is declared too large is refused before the body', async () => {
    source.set('/huge', (_, response) => response.writeHead(200, { 'content-length': 1e12 }).flushHeaders())
    expect(await failureOf(`${source.url}/huge`, { timeoutMs: 2000 })).toMatchObject(TOO_MANY_BYTES)
  })

  it('without end is cut at the limit, and the connection with it', async () => {
    const closed = new Promise((resolve) => {
      source.set('/endless', (request, response) => {
        response.on('close', () => resolve(request.socket.bytesWritten))
        endless(request, response)
      })
    })
    expect(await failureOf(`${source.url}/endless`, { maxBytes: 1_000_000 })).toMatchObject(TOO_MANY_BYTES)
    expect(await closed).toBeLessThan(20_000_000)
  })

  it('short of what was declared is a network error', async () => {
    source.set('/short', lying('abc', 10))
    expect(await failureOf(`${source.url}/short`)).toMatchObject(NETWORK)
  })

  it('beyond what was declared never gets through', async () => {
    source.set('/long', lying('abcdefghij', 3))
    source.set('/kept', raw('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdefghij'))
    expect(await failureOf(`${source.url}/long`)).toMatchObject(NETWORK)
    expect(await failureOf(`${source.url}/kept`)).toMatchObject(NETWORK)
  })

  it('of an error page does not matter', async () => {
    source.set('/404', (request, response) => endless(request, response.writeHead(404)))
    expect(await failureOf(`${source.url}/404`)).toMatchObject({ code: 'source-rejected' })
  })
})

it('a wrong range is said at once', () => {
  expect(() => downloader({ allowCidrs: ['inside'] })).toThrow('inside is no CIDR range')
})
