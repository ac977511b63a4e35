import type { AppError } from '../../errors.ts'
import type { PlainError } from '../plain-error.ts'
import type { Probed } from '../probe.ts'
import type { Recipe } from '../recipe.ts'
import type { Rendered, RenderedImage, RenderOptions } from '../render.ts'

/** What a renderer makes of a source; `memory`: bytes that it may take for that. */
export type RenderTask = { recipe: Recipe; options: RenderOptions; probed: Probed; memory: number }

/** What became of a source: its renditions, or nothing where there was not the memory for them. */
export type Outcome = { rendered: Rendered } | { unrendered: true }

/** Errors cross to the main process as values: thrown ones lose all but their message. */
export type RenderAnswer =
  | Outcome
  | {
      error: Pick<AppError, 'code' | 'message' | 'mostAttempts' | 'retryAfterMs'> & {
        cause: PlainError | undefined
      }
    }

/** As `RenderedImage`, its bytes in the spool. */
type SpooledImage = Omit<RenderedImage, 'data'> & { start: number; bytes: number }

/** A `RenderAnswer` on its way. */
export type SpooledAnswer =
  | Exclude<RenderAnswer, { rendered: Rendered }>
  | { rendered: Omit<Rendered, 'renditions'> & { renditions: SpooledImage[] } }
