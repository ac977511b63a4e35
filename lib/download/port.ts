import type { LookupFunction } from 'node:net'

/** Fetches sources over http(s) without reaching what only this machine can reach. */
export interface Downloader {
  /** The whole body, or an `AppError` that says whether to try again, or the reason of the aborted signal. */
  fetch(url: string, signal?: AbortSignal): Promise<Downloaded>
  /** Ends what is under way. */
  close(): void
}

/** `url` is the last one after redirects. */
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
