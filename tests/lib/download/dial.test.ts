import http from 'node:http'
import { describe, expect, it } from 'vitest'
import { openAgents } from '../../../lib/download/agent.ts'
import { bytes, delayed, raw, redirect } from '../../support/source-server.ts'
import { answering, BLOCKED, downloader, elsewhere, failureOf, source, TIMEOUT } from './support.ts'

describe('an address', () => {
  it.each([
    '127.0.0.2',
    '[::1]',
    '0x7f.0.0.2',
    '2130706434',
    '127.0.0.2.',
    '[::ffff:127.0.0.2]',
    '0.0.0.0',
    '[::]',
  ])('%s is refused', async (host) => {
    expect(await failureOf(`http://${host}:${elsewhere.port}/secret?hunter2`)).toMatchObject(BLOCKED)
    expect(await failureOf(`https://${host}:${elsewhere.port}/secret?hunter2`)).toMatchObject(BLOCKED)
  })

  it.each(['localhost', 'LOCALHOST', 'localhost.', 'a.localhost'])('of %s is refused', async (host) => {
    expect(await failureOf(`http://${host}:${source.port}/`, { allowCidrs: [] })).toMatchObject(BLOCKED)
    expect(await failureOf(`https://${host}:${source.port}/`, { allowCidrs: [] })).toMatchObject(BLOCKED)
    expect(source.hits).toEqual([])
  })

  it('is reached at the ports that are allowed, by its own or by the name that is, and at no other', async () => {
    source.set('/a', bytes('a'))
    const allowCidrs = [`127.0.0.1:${source.port}`, `inside.test:${source.port}`]
    const { fetch } = downloader({ allowCidrs })
    expect((await fetch(`http://127.0.0.1:${source.port}/a`)).data).toHaveLength(1)
    for (const url of [`http://127.0.0.1:${elsewhere.port}/a`, 'http://127.0.0.1/a'])
      await expect(fetch(url)).rejects.toMatchObject(BLOCKED)
    const lookup = answering(['127.0.0.1'])
    expect(
      (await downloader({ allowCidrs, lookup }).fetch(`http://inside.test:${source.port}/a`)).data,
    ).toHaveLength(1)
    for (const url of [`http://inside.test:${elsewhere.port}/a`, `http://outside.test:${elsewhere.port}/a`])
      expect(await failureOf(url, { allowCidrs, lookup })).toMatchObject(BLOCKED)
    source.set('/away', redirect(`http://127.0.0.1:${elsewhere.port}/secret`))
    expect(await failureOf(`${source.url}/away`, { allowCidrs })).toMatchObject(BLOCKED)
  })

  it('is refused by the agent too, whatever was checked before', async () => {
    const agents = openAgents(['127.0.0.1/32'])
    for (const host of ['127.0.0.2', '::1', '::ffff:127.0.0.2', '']) {
      const error = agents.http.createConnection({ host, port: elsewhere.port }, () => {})
      expect(error).toBeUndefined()
    }
    const error = await new Promise((resolve) => {
      http.get(`${elsewhere.url}/secret`, { agent: agents.http }, resolve).on('error', resolve)
    })
    expect(error).toMatchObject(BLOCKED)
    agents.close()
  })

  it('is refused when any of a name is', async () => {
    for (const answer of [
      ['127.0.0.2'],
      ['127.0.0.1', '127.0.0.2'],
      ['127.0.0.1', '::1'],
      ['8.8.8.8', '127.0.0.2'],
      [],
    ]) {
      const lookup = answering(answer)
      expect(await failureOf(`http://mixed.test:${elsewhere.port}/secret`, { lookup })).toMatchObject({
        ...BLOCKED,
        message: 'The address of mixed.test may not be reached',
      })
      expect(lookup.calls).toBe(1)
    }
  })

  it('is judged as it is dialled: a name that changes between two downloads is refused the second time', async () => {
    source.set('/a', bytes('a'))
    const lookup = answering(['127.0.0.1'], ['127.0.0.2'])
    const { fetch } = downloader({ lookup })
    const url = `http://rebinding.test:${source.port}/a`
    expect((await fetch(url)).data).toHaveLength(1)
    await expect(fetch(url)).rejects.toMatchObject(BLOCKED)
    expect(lookup.calls).toBe(2)
  })

  it('is looked up once for a connection, so no second answer gets dialled', async () => {
    source.set('/a', bytes('a'))
    const lookup = answering(['127.0.0.1'], ['127.0.0.2'])
    await downloader({ lookup }).fetch(`http://rebinding.test:${source.port}/a`)
    expect(lookup.calls).toBe(1)
  })
})

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('%i is followed', async (code) => {
    source.set('/start', redirect('/a.jpg', code))
    source.set('/a.jpg', bytes('a'))
    expect(await downloader().fetch(`${source.url}/start`)).toMatchObject({
      url: `${source.url}/a.jpg`,
      contentType: 'image/jpeg',
    })
  })

  it('may be longer than what a client may send', async () => {
    source.set('/start', redirect(`/a.jpg?${'s'.repeat(4000)}`))
    source.set('/a.jpg', bytes('a'))
    expect((await downloader().fetch(`${source.url}/start`)).url).toHaveLength(source.url.length + 4007)
  })

  it.each([
    ['/fotos/über.jpg?größe=1', '/fotos/%C3%BCber.jpg?gr%C3%B6%C3%9Fe=1'],
    ['写真.jpg', '/写真.jpg'],
    ['/fotos/%FC.jpg', '/fotos/%FC.jpg'],
    ['/b?c=é', '/b?c=é'],
  ])('to %s in UTF-8 is followed', async (location, target) => {
    source.set('/start', raw(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`))
    const { href, pathname } = new URL(target, source.url)
    source.set(pathname, bytes('a'))
    expect((await downloader().fetch(`${source.url}/start`)).url).toBe(href)
  })

  it('to a host in UTF-8 is followed', async () => {
    const location = `http://bücher.test:${source.port}/a`
    source.set('/start', raw(`HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`))
    source.set('/a', bytes('a'))
    const { url } = await downloader({ lookup: answering(['127.0.0.1']) }).fetch(`${source.url}/start`)
    expect(url).toBe(`http://xn--bcher-kva.test:${source.port}/a`)
  })

  it('whose bytes are no UTF-8 is followed by them', async () => {
    const location = Buffer.from('Location: /\xfcber.jpg', 'latin1')
    const [before, after] = ['HTTP/1.1 302 Found\r\n', '\r\nContent-Length: 0\r\n\r\n'].map((text) =>
      Buffer.from(text),
    )
    source.set('/start', raw(Buffer.concat([before, location, after] as Buffer[])))
    source.set('/%FCber.jpg', bytes('a'))
    expect((await downloader().fetch(`${source.url}/start`)).url).toBe(`${source.url}/%FCber.jpg`)
  })

  it('is followed five times, not six', async () => {
    for (let i = 1; i <= 6; i++) source.set(`/${i}`, redirect(`/${i - 1}`))
    source.set('/0', bytes('a'))
    expect((await downloader().fetch(`${source.url}/5`)).url).toBe(`${source.url}/0`)
    source.hits.length = 0
    expect(await failureOf(`${source.url}/6`)).toMatchObject({
      code: 'too-many-redirects',
      status: 502,
      retry: false,
    })
    expect(source.hits).toHaveLength(6)
  })

  it('in a circle ends', async () => {
    source.set('/loop', redirect('/loop'))
    expect(await failureOf(`${source.url}/loop`)).toMatchObject({ code: 'too-many-redirects' })
  })

  it.each([
    () => `http://127.0.0.2:${elsewhere.port}/secret?hunter2`,
    () => `//127.0.0.2:${elsewhere.port}/secret`,
    () => `http://2130706434:${elsewhere.port}/secret`,
    () => `http://[::1]:${elsewhere.port}/secret`,
    () => 'https://127.0.0.2/secret',
  ])('to a refused address is refused', async (location) => {
    source.set('/start', redirect(location()))
    expect(await failureOf(`${source.url}/start`)).toMatchObject(BLOCKED)
  })

  it('to a name with a refused address is refused', async () => {
    source.set('/start', redirect(`http://inside.test:${elsewhere.port}/secret`))
    expect(await failureOf(`${source.url}/start`, { lookup: answering(['127.0.0.2']) })).toMatchObject(
      BLOCKED,
    )
  })

  it.each([
    'file:///etc/passwd',
    'ftp://127.0.0.1/',
    'unix:/run/docker.sock:/info',
    'http://user:hunter2@127.0.0.1/',
    'http://',
    'data:,a',
  ])('to %s is invalid', async (location) => {
    source.set('/start', redirect(location))
    expect(await failureOf(`${source.url}/start`)).toMatchObject({
      code: 'invalid-source',
      status: 422,
      retry: false,
    })
  })

  it('shares one deadline with the others', async () => {
    for (let i = 1; i <= 5; i++) source.set(`/${i}`, delayed(150, redirect(`/${i - 1}`)))
    expect(await failureOf(`${source.url}/5`, { timeoutMs: 400 })).toMatchObject(TIMEOUT)
    expect(source.hits.length).toBeLessThan(5)
  })
})
