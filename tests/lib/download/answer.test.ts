import type { LookupFunction } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { AppError } from '../../../lib/errors.ts'
import { until } from '../../support/service.ts'
import {
  bytes,
  cut,
  cutBody,
  dripping,
  openSourceServer,
  sequence,
  stalled,
  stalledBody,
  status,
} from '../../support/source-server.ts'
import { downloader, failureOf, NETWORK, source, TIMEOUT } from './support.ts'

describe('an answer', () => {
  it.each([400, 401, 403, 404, 410, 416, 451, 300, 304])('%i is final', async (code) => {
    source.set('/private', status(code, { 'retry-after': '7' }))
    const error = {
      code: 'source-rejected',
      status: 502,
      retry: false,
      retryAfterMs: undefined,
      message: `The source answered ${code}`,
    }
    expect(await failureOf(`${source.url}/private?hunter2`)).toEqual(error)
    expect(source.hits).toHaveLength(1)
  })

  it.each([408, 425, 429, 500, 502, 503, 504, 599])('%i may pass', async (code) => {
    source.set('/private', status(code))
    const error = {
      code: 'source-unavailable',
      status: 502,
      retry: true,
      retryAfterMs: undefined,
      message: `The source answered ${code}`,
    }
    expect(await failureOf(`${source.url}/private?hunter2`)).toEqual(error)
    expect(source.hits).toHaveLength(1)
  })

  it.each([
    ['7', 7000],
    ['0', 0],
    ['3600', 3_600_000],
    ['86400', 3_600_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 3_600_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
  ])('with Retry-After: %s asks for %s ms', async (header, retryAfterMs) => {
    source.set('/busy', status(503, { 'retry-after': header }))
    expect(await failureOf(`${source.url}/busy`)).toMatchObject({ code: 'source-unavailable', retryAfterMs })
  })

  it('with Retry-After as a date counts from now', async () => {
    source.set('/busy', status(429, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }))
    const error = (await failureOf(`${source.url}/busy`)) as AppError
    expect(error.retryAfterMs).toBeGreaterThan(55_000)
    expect(error.retryAfterMs).toBeLessThanOrEqual(60_000)
  })

  it('that recovers is left to the next attempt', async () => {
    source.set('/flaky', sequence(status(503), bytes('a')))
    const { fetch } = downloader()
    await expect(fetch(`${source.url}/flaky`)).rejects.toMatchObject({ code: 'source-unavailable' })
    expect((await fetch(`${source.url}/flaky`)).data).toHaveLength(1)
  })
})

/** The same for all of them: who submits a URL learns nothing of names and ports. */
const UNREACHED = 'The source could not be reached, or broke off'

describe('a fault', () => {
  it.each([
    ['before the headers', stalled],
    ['within the body', stalledBody],
    ['by a byte at a time', dripping],
  ])('of time %s ends the download', async (_, route) => {
    source.set('/private', route)
    const error = {
      ...TIMEOUT,
      retryAfterMs: undefined,
      message: 'The download from 127.0.0.1 took too long',
    }
    expect(await failureOf(`${source.url}/private?hunter2`, { timeoutMs: 400 })).toEqual(error)
  })

  it('of time within the look-up ends the download', async () => {
    expect(await failureOf('http://silent.test/', { timeoutMs: 300, lookup: () => {} })).toMatchObject(
      TIMEOUT,
    )
  })

  it.each([
    ['before the headers', cut],
    ['within the body', cutBody],
  ])('of the connection %s may pass', async (_, route) => {
    source.set('/private', route)
    expect(await failureOf(`${source.url}/private?hunter2`)).toMatchObject(NETWORK)
    expect(source.hits).toHaveLength(1)
  })

  it('of a port that nobody listens on may pass', async () => {
    const gone = await openSourceServer()
    await gone.close()
    const message = UNREACHED
    expect(await failureOf(`${gone.url}/private?hunter2`)).toMatchObject({ ...NETWORK, message })
  })

  it('of the name may pass', async () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })
    const lookup: LookupFunction = (_name, _options, callback) => callback(error, [])
    const message = UNREACHED
    expect(await failureOf('http://nowhere.test/?hunter2', { lookup })).toMatchObject({ ...NETWORK, message })
  })

  it('of the certificate or of TLS may pass', async () => {
    expect(await failureOf(`https://127.0.0.1:${source.port}/private?hunter2`)).toMatchObject({
      ...NETWORK,
      message: UNREACHED,
    })
  })
})

describe('a signal', () => {
  it.each([
    ['before the headers', stalled],
    ['within the body', stalledBody],
  ])('ends the download %s with its reason', async (_, route) => {
    source.set('/slow', route)
    const controller = new AbortController()
    const reason = new Error('shutting down')
    const failing = failureOf(`${source.url}/slow`, {}, controller.signal)
    await until(() => source.hits.length === 1)
    controller.abort(reason)
    expect(await failing).toBe(reason)
  })

  it('that was aborted before dials nothing', async () => {
    const reason = new Error('shutting down')
    expect(await failureOf(`${source.url}/a`, {}, AbortSignal.abort(reason))).toBe(reason)
    expect(source.hits).toEqual([])
  })
})

it('a closed downloader ends what is under way', async () => {
  source.set('/slow', stalled)
  const { fetch, close } = downloader()
  const failing = expect(fetch(`${source.url}/slow`)).rejects.toMatchObject(NETWORK)
  await until(() => source.hits.length === 1)
  close()
  await failing
})
