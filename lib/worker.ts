import { type App, openApp } from './app.ts'
import type { Config } from './config/index.ts'
import { openDownloader } from './download/index.ts'
import type { Downloader } from './download/port.ts'
import { type Imaging, openImaging } from './imaging/index.ts'

/** What the pipeline uses besides: apart from `App`, so that endpoints carry neither Jimp nor a download client. */
export type WorkerApp = App & { downloader: Downloader; imaging: Imaging }

/** Adds to an open app what processing needs. */
export function openWorker(app: App): WorkerApp & { close(): Promise<void> } {
  const { config } = app
  const downloader = openDownloader({
    allowCidrs: config.sourceAllowCidrs,
    maxBytes: config.maxSourceBytes,
    timeoutMs: config.downloadTimeoutMs,
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
    imaging,
    async close() {
      await imaging.close()
      downloader.close()
    },
  }
}

/** Opens an app that can process photos, for a process that does nothing else. */
export async function openWorkerApp(config: Config): Promise<WorkerApp & { close(): Promise<void> }> {
  const app = await openApp(config)
  const worker = openWorker(app)
  return {
    ...worker,
    async close() {
      await worker.close()
      await app.close()
    },
  }
}
