import { asRenderError } from '../errors.ts'
import { toPlainError } from '../plain-error.ts'
import type { RenderAnswer, RenderTask } from './answer.ts'

/** Loads what renders. */
export const loadRender = () => import('../render.ts')

/** Renders; what is thrown becomes a value. */
export async function renderTask(
  source: Uint8Array,
  { recipe, options, probed }: RenderTask,
): Promise<RenderAnswer> {
  try {
    // Loaded here, so that a package that is missing is told as any other fault, and who does not render does not load Jimp.
    const { renderIfMemory } = await loadRender()
    const rendered = await renderIfMemory(source, recipe, options, probed)
    return rendered ? { rendered } : { unrendered: true }
  } catch (error) {
    const { code, message, mostAttempts, retryAfterMs, cause } = asRenderError(error)
    return { error: { code, message, mostAttempts, retryAfterMs, cause: toPlainError(cause) } }
  }
}
