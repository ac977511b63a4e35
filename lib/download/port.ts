import type { LookupFunction } from 'node:net'
import type { BufferPool } from './buffers.ts'
import type { LeastRate } from './rate.ts'

/** Fetches sources over http(s) without reaching what only this machine can reach. */
export interface Downloader {
  /** The whole body, or an `AppError` that says whether to try again, or the reason of the aborted signal. */
  fetch(url: string, signal?: AbortSignal, gates?: DownloadGates): Promise<Downloaded>
  /** Ends what is under way. */
  close(): void
}

/** `data` lies in pooled memory; `url` is the last one after redirects. */
export type Downloaded = {
  data: Uint8Array<ArrayBuffer>
  contentType: string | undefined
  url: string
  /** Gives the memory back, once `data` is not needed any more: it is empty then. */
  release(): void
}

/** What a download waits for. */
export type DownloadGates = {
  /** Resolves when a request to that URL may begin: before each hop. */
  enter(url: URL): Promise<void>
  /** Resolves when so many bytes, of its body in all, may be in memory. */
  grow(bytes: number): Promise<void>
}

export type DownloadOptions = {
  /** Ranges that may be reached though they are not public. */
  allowCidrs: readonly string[]
  maxBytes: number
  /** For all of a download, redirects included. */
  timeoutMs: number
  userAgent: string
  /** For tests of names whose addresses change. */
  lookup?: LookupFunction
  /** For tests that do not wait for 10 s. */
  leastRate?: LeastRate
  /** For tests that count its bytes. */
  buffers?: BufferPool
}
