import { move, transferableSymbol, valueSymbol } from 'piscina'
import type { AppError } from '../errors.ts'
import { toMovable } from './bytes.ts'
import { asRenderError } from './errors.ts'
import { type PlainError, toPlainError } from './plain-error.ts'
import type { Probed } from './probe.ts'
import type { Recipe } from './recipe.ts'
import type { Rendered, RenderOptions } from './render.ts'

export type RenderTask = { source: Uint8Array; recipe: Recipe; options: RenderOptions; probed: Probed }

/**
 * Errors cross to the main thread as values: thrown ones lose all but their message. The source is given back where there
 * was not the memory to render it.
 */
export type RenderAnswer =
  | { rendered: Rendered }
  | { unrendered: Uint8Array }
  | {
      error: Pick<AppError, 'code' | 'message' | 'mostAttempts' | 'retryAfterMs'> & {
        cause: PlainError | undefined
      }
    }

/** What a thread of the pool runs: one source, all of its renditions. */
export default async function work(task: RenderTask): Promise<RenderAnswer> {
  const { source } = task
  const answer = await answerTo(task)
  if (!answer) {
    const unrendered = toMovable(source)
    return moving({ unrendered }, [unrendered.buffer])
  }
  // Given back at once: megabytes a photo would call the collector again and again.
  if (source.buffer instanceof ArrayBuffer) source.buffer.transfer(0)
  return answer
}

/** Undefined where there was not the memory. */
async function answerTo({ source, recipe, options, probed }: RenderTask): Promise<RenderAnswer | undefined> {
  try {
    // Imported here, so that a package that is missing is told as any other fault.
    const { renderIfMemory } = await import('./render.ts')
    const rendered = await renderIfMemory(source, recipe, options, probed)
    if (!rendered) return undefined
    const renditions = rendered.renditions.map((each) => ({ ...each, data: toMovable(each.data) }))
    return moving(
      { rendered: { ...rendered, renditions } },
      renditions.map(({ data }) => data.buffer),
    )
  } catch (error) {
    const { code, message, mostAttempts, retryAfterMs, cause } = asRenderError(error)
    return { error: { code, message, mostAttempts, retryAfterMs, cause: toPlainError(cause) } }
  }
}

/** Marks an answer so that Piscina moves the buffers instead of copying them. */
const moving = (answer: RenderAnswer, buffers: ArrayBuffer[]) =>
  move({ [transferableSymbol]: buffers, [valueSymbol]: answer }) as unknown as RenderAnswer
