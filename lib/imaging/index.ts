import path from 'node:path'
import { AppError } from '../errors.ts'
import { toMovable } from './bytes.ts'
import { type Probed, readSource } from './probe.ts'
import type { Recipe } from './recipe.ts'
import type { Rendered, RenderOptions } from './render.ts'
import { openSlots } from './slots.ts'
import type { RenderAnswer, RenderTask } from './worker.ts'

export type { SourceInfo } from './probe.ts'
export { probe } from './probe.ts'
export type { Rendered, RenderedImage } from './render.ts'

/** Makes renditions of images: in threads, or inline where threads are not to be had. */
export type Imaging = {
  /** Throws `AppError`. The source is given away: a thread may take its buffer along. */
  render(source: Uint8Array, recipe: Recipe): Promise<Rendered>
  /** Waits for the renders that run, then ends the threads. */
  close(): Promise<void>
}

export type ImagingOptions = RenderOptions & {
  /** Images that are rendered at the same time, each in its own thread; 0 renders in the caller's thread. */
  threads: number
  /** Counted from when a thread takes the image; without threads nothing could interrupt it. */
  renderTimeoutMs: number
  /** The module that a thread runs; a bundle has it elsewhere. */
  workerUrl?: URL
}

/** Opens the image port. Threads are started by the first render. */
export function openImaging(options: ImagingOptions): Imaging {
  const { threads, maxPixels, exifGps } = options
  const slots = openSlots(threads || Number.POSITIVE_INFINITY)
  let pool: ReturnType<typeof startPool> | undefined
  const renderInThread = async (source: Uint8Array, recipe: Recipe, probed: Probed) => {
    pool ??= startPool(options)
    return runInPool(
      await pool,
      { source, recipe, options: { maxPixels, exifGps }, probed },
      options.renderTimeoutMs,
    )
  }
  // Imported here, so that a process whose threads render does not load Jimp a second time.
  const renderHere = async (source: Uint8Array, recipe: Recipe, probed: Probed) =>
    (await import('./render.ts')).renderAll(source, recipe, options, probed)
  return {
    render: async (source, recipe) => {
      const probed = readSource(source, maxPixels)
      return slots.use(() => (threads > 0 ? renderInThread : renderHere)(source, recipe, probed))
    },
    close: async () => {
      await slots.close()
      await (await pool)?.destroy()
    },
  }
}

type Pool = Awaited<ReturnType<typeof startPool>>

async function startPool({ threads, workerUrl }: ImagingOptions) {
  const { Piscina } = await import('piscina')
  const pool = new Piscina<RenderTask, RenderAnswer>({
    filename: (workerUrl ?? new URL(`./worker${path.extname(import.meta.url)}`, import.meta.url)).href,
    minThreads: threads,
    maxThreads: threads,
    recordTiming: false,
  })
  // A thread that dies while idle is replaced; an event nobody listens to would end the process.
  pool.on('error', () => {})
  return pool
}

async function runInPool(pool: Pool, task: RenderTask, timeoutMs: number): Promise<Rendered> {
  const source = toMovable(task.source)
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), timeoutMs)
  let answer: RenderAnswer
  try {
    answer = await pool.run({ ...task, source }, { signal: timeout.signal, transferList: [source.buffer] })
  } catch (cause) {
    if (timeout.signal.aborted)
      throw new AppError('render-timeout', 422, `Not rendered within ${timeoutMs} ms`)
    throw new AppError('render-crashed', 500, 'The thread that rendered the image died', {
      retry: true,
      cause,
    })
  } finally {
    clearTimeout(timer)
  }
  if ('rendered' in answer) return answer.rendered
  const { code, status, message, retry } = answer.error
  throw new AppError(code, status, message, { retry })
}
