import { randomBytes } from 'node:crypto'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeCertificate } from '../../support/certificate.ts'
import { until } from '../../support/service.ts'
import {
  bytes,
  lying,
  openSourceServer,
  raw,
  redirect,
  type SourceServer,
  stalledBody,
} from '../../support/source-server.ts'
import { downloader, failureOf, INVALID_ANSWER, NETWORK, TIMEOUT } from './support.ts'

const DATA = randomBytes(3_000_000)
const trusted = tls.getCACertificates()
let secure: SourceServer

beforeAll(async () => {
  const certificate = makeCertificate()
  tls.setDefaultCACertificates([...trusted, certificate.cert])
  secure = await openSourceServer({}, '127.0.0.1', certificate)
})
afterAll(async () => {
  tls.setDefaultCACertificates(trusted)
  await secure.close()
})

describe('a download by https', () => {
  it.each([
    ['with a length', bytes(DATA)],
    [
      'in chunks',
      (_request, response) => response.write(DATA.subarray(0, 99), () => response.end(DATA.subarray(99))),
    ],
    ['to the end of the connection', raw(Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), DATA]))],
  ] as [string, Parameters<SourceServer['set']>[1]][])('brings all bytes %s', async (_, route) => {
    secure.set('/start', redirect('/a'))
    secure.set('/a', route)
    const { data, url } = await downloader({ maxBytes: DATA.length }).fetch(`${secure.url}/start`)
    expect(url).toBe(`${secure.url}/a`)
    expect(Buffer.compare(data, DATA)).toBe(0)
  })

  it('runs beside others', async () => {
    secure.set('/a', (request, response) =>
      bytes(DATA.subarray(Number(request.url?.slice(3))))(request, response),
    )
    const { fetch } = downloader({ maxBytes: DATA.length, timeoutMs: 60_000 })
    await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        const { data, release } = await fetch(`${secure.url}/a?${i}`)
        expect(Buffer.compare(data, DATA.subarray(i))).toBe(0)
        release()
      }),
    )
  })

  it('fails as one by http does', async () => {
    secure.set('/cut', (request, response) => response.write('first', () => request.socket.destroy()))
    secure.set('/short', lying('abc', 10))
    secure.set('/stalled', stalledBody)
    secure.set('/broken', raw('SSH-2.0-OpenSSH_9.2\r\n'))
    expect(await failureOf(`${secure.url}/cut`)).toMatchObject(NETWORK)
    expect(await failureOf(`${secure.url}/short`)).toMatchObject(NETWORK)
    expect(await failureOf(`${secure.url}/stalled`, { timeoutMs: 400 })).toMatchObject(TIMEOUT)
    expect(await failureOf(`${secure.url}/broken`)).toMatchObject(INVALID_ANSWER)
  })

  it('ends with its signal', async () => {
    secure.set('/stalled', stalledBody)
    const controller = new AbortController()
    const reason = new Error('shutting down')
    const failing = failureOf(`${secure.url}/stalled`, {}, controller.signal)
    await until(() => secure.hits.at(-1)?.path === '/stalled')
    controller.abort(reason)
    expect(await failing).toBe(reason)
  })

  it('from who cannot be trusted fails', async () => {
    tls.setDefaultCACertificates(trusted)
    secure.set('/a', bytes(DATA))
    expect(await failureOf(`${secure.url}/a`)).toMatchObject(NETWORK)
  })
})
