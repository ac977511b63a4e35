import type { LookupFunction } from 'node:net'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { openDownloader } from '../../../lib/download/index.ts'
import type { Downloader, DownloadOptions } from '../../../lib/download/port.ts'
import { AppError } from '../../../lib/errors.ts'
import { bytes, openSourceServer, type SourceServer } from '../../support/source-server.ts'

export const BLOCKED = { code: 'blocked-address', status: 422, retry: false }
export const NETWORK = { code: 'network-error', status: 502, retry: true }
export const TIMEOUT = { code: 'download-timeout', status: 502, retry: true }
export const INVALID_ANSWER = { code: 'invalid-answer', status: 502, retry: false }
export const EMPTY = { code: 'empty-source', status: 422, retry: false }
export const TOO_MANY_BYTES = { code: 'too-many-bytes', status: 413, retry: false }

export let source: SourceServer
/** Listens where no download may get. */
export let elsewhere: SourceServer
const open: Downloader[] = []

beforeAll(async () => {
  source = await openSourceServer()
  elsewhere = await openSourceServer({ '/secret': bytes('secret') }, '127.0.0.2')
})
afterEach(() => {
  for (const downloader of open.splice(0)) downloader.close()
  expect(elsewhere.hits).toEqual([])
  source.hits.length = 0
})
afterAll(async () => {
  await source.close()
  await elsewhere.close()
})

/** A downloader that may reach 127.0.0.1 only. */
export function downloader(options: Partial<DownloadOptions> = {}): Downloader {
  const opened = openDownloader({
    allowCidrs: ['127.0.0.1/32'],
    maxBytes: 100_000,
    timeoutMs: 5000,
    userAgent: 'Photos/2.0',
    ...options,
  })
  open.push(opened)
  return opened
}

/** What the download fails with, reduced to what the pipeline acts upon. */
export async function failureOf(url: string, options?: Partial<DownloadOptions>, signal?: AbortSignal) {
  const error: unknown = await downloader(options)
    .fetch(url, signal)
    .then(
      () => 'no error',
      (error: unknown) => error,
    )
  if (!(error instanceof AppError)) return error
  expect(error.message).not.toMatch(/hunter2|\/private/)
  const { code, status, retry, retryAfterMs, message } = error
  return { code, status, retry, retryAfterMs, message }
}

/** Gives the answers in turn, the last one for ever; like the system's, it gives one address unless asked for all. */
export function answering(...answers: string[][]): LookupFunction & { calls: number } {
  const lookup = Object.assign(
    ((_name, options, callback) => {
      const answer = (answers[Math.min(lookup.calls++, answers.length - 1)] ?? []).map((address) => ({
        address,
        family: address.includes(':') ? 6 : 4,
      }))
      if (options.all) return callback(null, answer)
      callback(null, answer[0]?.address ?? '', answer[0]?.family)
    }) satisfies LookupFunction as LookupFunction,
    { calls: 0 },
  )
  return lookup
}
