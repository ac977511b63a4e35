import { type App, openApp } from './app.ts'
import type { Config } from './config/index.ts'
import { openDownloader } from './download/index.ts'
import type { Downloader } from './download/port.ts'
import { openSchedule, type Schedule } from './download/schedule.ts'
import { type Hold, NO_HOLD, openHold } from './hold.ts'
import { type Gate, openGate } from './imaging/gate.ts'
import { type Imaging, openImaging } from './imaging/index.ts'
import { isInBucket } from './storage/own-bucket.ts'

/** What the pipeline uses besides: apart from `App`, so that endpoints carry neither Jimp nor a download client. */
export type WorkerApp = App & {
  downloader: Downloader
  /** Which downloads run. */
  downloads: Schedule
  /** Which stored originals are in memory: those near a render. */
  originals: Gate
  imaging: Imaging
  hold: Hold
}

export type OpenWorker = WorkerApp & { handBack(): void; close(): Promise<void> }

/** Adds to an open app what processing needs. */
export function openWorker(app: App, hold: Hold = openHold(app)): OpenWorker {
  const { config, metrics } = app
  // At least one of the photos that the worker holds is none that downloads, unless it holds a single one.
  const limits = { ...config, downloads: Math.min(config.downloads, Math.max(1, config.prefetch - 1)) }
  const downloads = openSchedule(limits, (url) => isInBucket(url, config))
  metrics.observeDownloads(downloads.state)
  const originals = openGate({ places: 2 * config.workerThreads + 2, memory: Number.POSITIVE_INFINITY })
  const downloader = openDownloader({
    allowCidrs: config.sourceAllowCidrs,
    maxBytes: config.maxSourceBytes,
    timeoutMs: config.downloadTimeoutMs,
    userAgent: config.userAgent,
  })
  const imaging = openImaging({
    threads: config.workerThreads,
    maxPixels: config.maxSourcePixels,
    maxCost: config.maxJobCost,
    renderMemory: config.renderMemory,
    exifGps: config.exifGps,
    renderTimeoutMs: config.renderTimeoutMs,
    onDeath: (reason) => app.metrics.crashes.inc({ reason }),
  })
  return {
    ...app,
    downloader,
    downloads,
    originals,
    imaging,
    hold,
    /** Hands back what waits, before the worker stops. */
    handBack() {
      hold.stop()
      downloads.stop()
      originals.close()
    },
    async close() {
      await imaging.close()
      downloader.close()
    },
  }
}

/** Opens an app that can process photos, for a function: it holds nothing, since it may not wait. */
export async function openWorkerApp(config: Config): Promise<WorkerApp & { close(): Promise<void> }> {
  const app = await openApp(config)
  const worker = openWorker(app, NO_HOLD)
  return {
    ...worker,
    async close() {
      await worker.close()
      await app.close()
    },
  }
}
