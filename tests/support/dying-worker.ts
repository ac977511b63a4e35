import { type App, openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { processPhoto } from '../../lib/photos/process.ts'
import { openWorker, type WorkerApp } from '../../lib/worker.ts'

/** Where a worker dies: the moment after each step of the pipeline, and when the render begins. */
export type Stage = 'claim' | 'download' | 'render' | 'write' | 'commit'

const [stage, uuid] = process.argv.slice(2) as [Stage, string]
const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}

const app = await openApp(readConfig(process.env))
const worker = dyingAfter(stage, app, openWorker(app))
await processPhoto(worker, uuid)
throw new Error('The worker outlived its stage')

/** The ports of a worker, of which one kills the process when its step has been done. */
function dyingAfter(at: Stage, { queue, storage }: App, open: WorkerApp): WorkerApp {
  const before: Record<Stage, Partial<WorkerApp>> = {
    claim: { downloader: { ...open.downloader, fetch: async () => die() } },
    download: { imaging: { ...open.imaging, render: async () => die() } },
    render: {
      imaging: {
        ...open.imaging,
        render: (source, recipe, begins) =>
          open.imaging.render(source, recipe, async () => {
            await begins?.()
            die()
          }),
      },
    },
    write: {
      storage: {
        ...storage,
        async put(key, data) {
          await storage.put(key, data)
          die()
        },
      },
    },
    commit: {
      queue: {
        ...queue,
        async publish(messages, deadlineMs) {
          if (messages.some(({ key }) => key === 'image.uploaded')) die()
          return queue.publish(messages, deadlineMs)
        },
      },
    },
  }
  return { ...open, ...before[at] }
}
