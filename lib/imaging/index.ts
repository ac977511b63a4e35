import path from 'node:path'
import { AppError } from '../errors.ts'
import { processMemory } from '../process-memory.ts'
import { toMovable } from './bytes.ts'
import { checkCost } from './cost.ts'
import { orBroken, tooManyPixels } from './errors.ts'
import { openGate } from './gate.ts'
import { memoryOfRender } from './memory.ts'
import { fromPlainError } from './plain-error.ts'
import { readSource } from './probe.ts'
import type { Recipe } from './recipe.ts'
import type { Rendered, RenderOptions } from './render.ts'
import { MOST_LARGE_MEMORY } from './wasm/large.ts'
import type { RenderAnswer, RenderTask } from './worker.ts'

export type { SourceInfo } from './probe.ts'
export { probe } from './probe.ts'
export type { Rendered, RenderedImage } from './render.ts'

/** Makes renditions of images: in threads, or inline where threads are not to be had. */
export type Imaging = {
  /**
   * Throws `AppError`. The source is given away: a thread may take its buffer along. `begins` is called, and awaited, when
   * the render has its turn.
   */
  render(source: Uint8Array, recipe: Recipe, begins?: () => Promise<void> | void): Promise<Rendered>
  /** Waits for the renders that run, then ends the threads. */
  close(): Promise<void>
}

export type ImagingOptions = Pick<RenderOptions, 'maxPixels' | 'exifGps'> & {
  /** Images that are rendered at the same time, each in its own thread; 0 renders in the caller's thread. */
  threads: number
  /** Counted from when a thread takes the image; without threads nothing could interrupt it. */
  renderTimeoutMs: number
  /** Megapixels that the operations of a recipe may touch (`cost.ts`); no limit where undefined. */
  maxCost?: number
  /** Bytes that the renders which run may take together; one that takes more runs alone. No limit where undefined. */
  renderMemory?: number
  /** The module that a thread runs; a bundle has it elsewhere. */
  workerUrl?: URL
}

/** Of the memory for renders, what threads may keep for their next. */
const KEPT_SHARE = 1 / 4

/** Opens the image port. Threads are started by the first render. */
export function openImaging(options: ImagingOptions): Imaging {
  const {
    threads,
    maxPixels,
    maxCost = Number.POSITIVE_INFINITY,
    renderMemory = Number.MAX_SAFE_INTEGER,
    renderTimeoutMs,
  } = options
  // One that takes more than is left of all the memory could not run at all.
  const mostMemory = Math.max(renderMemory, processMemory() - process.memoryUsage.rss())
  const kept = Math.min(MOST_LARGE_MEMORY * (threads || 1), KEPT_SHARE * renderMemory)
  const renderOptions = { maxPixels, exifGps: options.exifGps, keptMemory: kept / (threads || 1) }
  const gate = openGate({ places: threads || Number.POSITIVE_INFINITY, memory: renderMemory - kept })
  let pool: ReturnType<typeof startPool> | undefined
  const renderInThread = async (task: RenderTask) => {
    pool ??= startPool(options)
    return runInPool(await pool, task, renderTimeoutMs)
  }
  const renderAnywhere = threads > 0 ? renderInThread : renderHere
  const renderOnce = (task: RenderTask) =>
    renderAnywhere(task).catch((error: unknown) => {
      throw orBroken(error)
    })
  return {
    render: async (source, recipe, begins) => {
      const probed = readSource(source, maxPixels)
      checkCost(recipe, maxCost, probed.info)
      const bytes = memoryOfRender(probed, recipe)
      if (bytes > mostMemory) throw tooManyPixels(NO_MEMORY)
      const task = { source, recipe, options: renderOptions, probed }
      const first = await gate.use(bytes, async () => {
        await begins?.()
        return renderOnce(task)
      })
      if ('rendered' in first) return first.rendered
      const { unrendered } = first
      const last = await gate.use(ALONE, () => renderOnce({ ...task, source: unrendered }))
      if ('rendered' in last) return last.rendered
      throw tooManyPixels(NO_MEMORY)
    },
    close: async () => {
      await gate.close()
      await (await pool)?.destroy()
    },
  }
}

/** More bytes than there are. */
const ALONE = Number.POSITIVE_INFINITY

const NO_MEMORY = 'The image takes more memory than there is'

/** What became of a source: its renditions, or itself where there was not the memory for them. */
type Outcome = { rendered: Rendered } | { unrendered: Uint8Array }

async function renderHere({ source, recipe, options, probed }: RenderTask): Promise<Outcome> {
  // Imported here, so that a process whose threads render does not load Jimp a second time.
  const { renderIfMemory } = await import('./render.ts')
  const rendered = await renderIfMemory(source, recipe, options, probed)
  return rendered ? { rendered } : { unrendered: source }
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

async function runInPool(pool: Pool, task: RenderTask, timeoutMs: number): Promise<Outcome> {
  const source = toMovable(task.source)
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), timeoutMs)
  let answer: RenderAnswer
  try {
    answer = await pool.run({ ...task, source }, { signal: timeout.signal, transferList: [source.buffer] })
  } catch (cause) {
    if (timeout.signal.aborted) throw new AppError('render-timeout', `Not rendered within ${timeoutMs} ms`)
    throw new AppError('render-crashed', 'The thread that rendered the image died', {
      // The heap of a thread is its own: it would not have more of it another time.
      mostAttempts: (cause as { code?: unknown }).code === 'ERR_WORKER_OUT_OF_MEMORY' ? 2 : undefined,
      cause,
    })
  } finally {
    clearTimeout(timer)
  }
  if (!('error' in answer)) return answer
  const { code, message, cause, ...options } = answer.error
  throw new AppError(code, message, { ...options, cause: cause && fromPlainError(cause) })
}
