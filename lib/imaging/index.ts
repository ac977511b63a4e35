import path from 'node:path'
import { AppError } from '../errors.ts'
import { processMemory } from '../process-memory.ts'
import { checkCost } from './cost.ts'
import { tooManyPixels } from './errors.ts'
import { openGate } from './gate.ts'
import { memoryOfRender } from './memory.ts'
import { fromPlainError } from './plain-error.ts'
import { readSource } from './probe.ts'
import type { Recipe } from './recipe.ts'
import type { Rendered, RenderOptions } from './render.ts'
import type { Outcome, RenderAnswer, RenderTask } from './renderers/answer.ts'
import { openRenderers } from './renderers/pool.ts'
import { renderTask } from './renderers/render-task.ts'
import type { Reason } from './renderers/start.ts'
import { MOST_LARGE_MEMORY } from './wasm/large.ts'

export type { SourceInfo } from './probe.ts'
export { probe } from './probe.ts'
export type { Rendered, RenderedImage } from './render.ts'

/** Makes renditions of images: in processes of their own, or inline where these are not to be had. */
export type Imaging = {
  /**
   * Throws `AppError`. The source must stay as it is until then, and is the caller's again. `begins` is called, and awaited,
   * when the render has its turn.
   */
  render(source: Uint8Array, recipe: Recipe, begins?: () => Promise<void> | void): Promise<Rendered>
  /** Waits for the renders that run, then ends the renderers. */
  close(): Promise<void>
}

export type ImagingOptions = Pick<RenderOptions, 'maxPixels' | 'exifGps'> & {
  /** Images that are rendered at the same time, each in its own process; 0 renders in the caller's thread. */
  threads: number
  /** Counted from when a renderer takes the image; inline nothing could interrupt it. */
  renderTimeoutMs: number
  /** Megapixels that the operations of a recipe may touch (`cost.ts`); no limit where undefined. */
  maxCost?: number
  /** Bytes that the renders which run may take together; one that takes more runs alone. No limit where undefined. */
  renderMemory?: number
  /** The program of a renderer; a copy of this one has it elsewhere. */
  program?: URL
  /** Called for each renderer that died. */
  onDeath?: (reason: Reason) => void
}

/** Of the memory for renders, what renderers may keep for their next. */
const KEPT_SHARE = 1 / 4

/**
 * What a renderer may take beside what the gate allows for its picture: itself, code and garbage, of which it has 150 MB, and
 * as much again. What takes more is no picture that `memoryOfRender` knows.
 */
const RENDERER_MEMORY = 320 * 2 ** 20

/** Opens the image port. Renderers are started by the first render. */
export function openImaging(options: ImagingOptions): Imaging {
  const {
    threads,
    maxPixels,
    maxCost = Number.POSITIVE_INFINITY,
    renderMemory = Number.MAX_SAFE_INTEGER,
    renderTimeoutMs: timeoutMs,
    program = new URL(`./renderers/renderer${path.extname(import.meta.url)}`, import.meta.url),
    onDeath = () => {},
  } = options
  // One that takes more than is left of all the memory could not run at all.
  const mostMemory = Math.max(renderMemory, processMemory() - process.memoryUsage.rss())
  const kept = Math.min(MOST_LARGE_MEMORY * (threads || 1), KEPT_SHARE * renderMemory)
  const keptMemory = kept / (threads || 1)
  const renderOptions = { maxPixels, exifGps: options.exifGps, keptMemory }
  const gate = openGate({ places: threads || Number.POSITIVE_INFINITY, memory: renderMemory - kept })
  const closing = new AbortController()
  const renderers = openRenderers({ program, timeoutMs, onDeath, signal: closing.signal })
  const renderOnce = async (source: Uint8Array, task: RenderTask) =>
    outcomeOf(await (threads > 0 ? renderers.render(source, task) : renderTask(source, task)))
  return {
    render: async (source, recipe, begins) => {
      const probed = readSource(source, maxPixels)
      checkCost(recipe, maxCost, probed.info)
      const bytes = memoryOfRender(probed, recipe)
      if (bytes > mostMemory) throw tooManyPixels(NO_MEMORY)
      const memory = bytes + keptMemory + RENDERER_MEMORY
      const task = { recipe, options: renderOptions, probed, memory }
      const first = await gate.use(bytes, async () => {
        await begins?.()
        return renderOnce(source, task)
      })
      if ('rendered' in first) return first.rendered
      const last = await gate.use(ALONE, () => renderOnce(source, task))
      if ('rendered' in last) return last.rendered
      throw tooManyPixels(NO_MEMORY)
    },
    close: async () => {
      closing.abort()
      await gate.close()
      await renderers.close()
    },
  }
}

/** More bytes than there are. */
const ALONE = Number.POSITIVE_INFINITY

const NO_MEMORY = 'The image takes more memory than there is'

function outcomeOf(answer: RenderAnswer): Outcome {
  if (!('error' in answer)) return answer
  const { code, message, cause, ...options } = answer.error
  throw new AppError(code, message, { ...options, cause: cause && fromPlainError(cause) })
}
