import { handBackError } from '../download/hand-back.ts'
import type { Downloaded } from '../download/port.ts'
import { AppError } from '../errors.ts'
import { isOriginal } from '../storage/port.ts'
import type { WorkerApp } from '../worker.ts'
import type { PhotoRow } from './row.ts'

/** A download that waited for memory for longer than this, in ms, was too slow because of us. */
const EXCUSED_MS = 1_000

/** The source of a photo, with its place in the worker. */
export type Source = {
  /** Waits until it may be read; throws `handed-back` where that is not likely soon. */
  enter(): Promise<void>
  read(photo: PhotoRow, signal: AbortSignal): Promise<Uint8Array>
  /** It is no longer needed. */
  release(): void
}

/** Whether a source is fetched from elsewhere, and not read from the storage. */
const isRemote = (url: string) => /^https?:/i.test(url)

type SourceApp = Pick<WorkerApp, 'config' | 'storage' | 'downloader' | 'downloads' | 'originals'>

/** Sources by URL wait for one another; stored originals never wait for those, but for a place near a render. */
export const openSource = (app: SourceApp, url: string): Source =>
  isRemote(url) ? openRemote(app, url) : openStored(app)

function openRemote({ downloader, downloads }: SourceApp, asked: string): Source {
  const place = downloads.open()
  const { share } = place
  let downloaded: Downloaded | undefined
  return {
    async enter() {
      const url = URL.parse(asked)
      if (url) await place.enter(url)
    },
    async read({ url }, signal) {
      place.begin()
      const either = AbortSignal.any([signal, place.signal])
      try {
        downloaded = await downloader.fetch(url, either, {
          enter: (hop) => place.enter(hop, either),
          grow: (bytes) => share.grow(bytes, either),
        })
        place.leave('in-time')
        await share.grow(downloaded.data.byteLength)
        share.complete()
        return downloaded.data
      } catch (error) {
        const isLate = error instanceof AppError && error.code === 'download-timeout'
        const isExcused = isLate && share.waited() > EXCUSED_MS
        if (isExcused || either.aborted) place.leave('none')
        else place.leave(isLate ? 'timed-out' : 'in-time')
        throw isExcused ? handBackError('memory') : error
      }
    },
    release() {
      place.leave('none')
      downloaded?.release()
      share.release()
    },
  }
}

function openStored({ config, originals, storage }: SourceApp): Source {
  const done = Promise.withResolvers<void>()
  return {
    enter: () =>
      new Promise((resolve, reject) => {
        const use = () => {
          resolve()
          return done.promise
        }
        // It only throws when the worker stops.
        originals.use(0, use).catch(() => reject(handBackError('stop')))
      }),
    async read({ url, source_etag }) {
      if (!isOriginal(url))
        throw new AppError('invalid-source', 'The source is neither an http(s) URL nor a stored original')
      const original = await storage.read(url, config.maxSourceBytes, source_etag ?? undefined)
      if (!original) throw new AppError('source-missing', 'The stored original is gone')
      return original
    },
    release: () => done.resolve(),
  }
}
