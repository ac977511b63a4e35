import { move, transferableSymbol, valueSymbol } from 'piscina'
import { AppError } from '../errors.ts'
import { toMovable } from './bytes.ts'
import type { Probed } from './probe.ts'
import type { Recipe } from './recipe.ts'
import { type Rendered, type RenderOptions, renderAll } from './render.ts'

export type RenderTask = { source: Uint8Array; recipe: Recipe; options: RenderOptions; probed: Probed }

/** Errors cross to the main thread as values: thrown ones lose all but their message. */
export type RenderAnswer =
  | { rendered: Rendered }
  | { error: { code: string; status: number; message: string; retry: boolean } }

/** What a thread of the pool runs: one source, all of its renditions. */
export default async function work(task: RenderTask): Promise<RenderAnswer> {
  const { source, recipe, options, probed } = task
  try {
    const { source: info, renditions, timings } = await renderAll(source, recipe, options, probed)
    const movable = renditions.map((rendition) => ({ ...rendition, data: toMovable(rendition.data) }))
    return moving(
      { rendered: { source: info, renditions: movable, timings } },
      movable.map(({ data }) => data.buffer),
    )
  } catch (error) {
    const { code, status, message, retry } =
      error instanceof AppError ? error : new AppError('render-failed', 500, 'The image could not be made')
    return { error: { code, status, message, retry } }
  } finally {
    // Given back at once: megabytes a photo would call the collector again and again.
    if (source.buffer instanceof ArrayBuffer) source.buffer.transfer(0)
  }
}

/** Marks an answer so that Piscina moves the buffers instead of copying them. */
const moving = (answer: RenderAnswer, buffers: ArrayBuffer[]) =>
  move({ [transferableSymbol]: buffers, [valueSymbol]: answer }) as unknown as RenderAnswer
