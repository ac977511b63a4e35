import type { LookupFunction } from 'node:net'

/** Fetches sources over http(s) without reaching what only this machine can reach. */
export interface Downloader {
  /** The whole body, or an `AppError` that says whether to try again, or the reason of the aborted signal. */
  fetch(url: string, signal?: AbortSignal, asks?: DownloadAsks): Promise<Downloaded>
  /** Ends what is under way. */
  close(): void
}

/** What a download asks, and waits for. */
export type DownloadAsks = {
  /** Whether a request to that URL may begin: before each hop. */
  enter(url: URL): Promise<void>
  /** Whether so many bytes, of its body in all, may be in memory. */
  grow(bytes: number): Promise<void>
}

/** `data` owns its memory, so it may be transferred to a thread; `url` is the last one after redirects. */
export type Downloaded = { data: Uint8Array<ArrayBuffer>; contentType: string | undefined; url: string }

export type DownloadOptions = {
  /** Ranges that may be reached though they are not public. */
  allowCidrs: readonly string[]
  maxBytes: number
  /** For all of a download, redirects included. */
  timeoutMs: number
  /** For tests of names whose addresses change. */
  lookup?: LookupFunction
}
