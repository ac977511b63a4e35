import type { OutputFormat } from './formats.ts'
import type { Operation } from './operations.ts'

export type { Operation }

/** One image to make from a source. `quality` is 1..100 and means nothing for PNG. */
export type RenditionSpec = {
  name: string
  operations: Operation[]
  format: OutputFormat
  quality?: number
}

/** The default of JPEG and WebP; stored with the photo, so that a later change leaves its retries alone. */
export const DEFAULT_QUALITY = 80

/** From this quality on a JPEG keeps its colours at full resolution: also in `wasm/encode/encode.ts`. */
export const FULL_COLOUR_QUALITY = 90

/** What to make of one source image: stored with the photo as JSON, so that a retry months later does the same. */
export type Recipe = { renditions: RenditionSpec[] }

/** The recipe of the photos and page doors: one JPEG inside 320x320. */
export const THUMBNAIL_RECIPE: Recipe = { renditions: [fitted('thumbnail', 320, 320)] }

/** The recipe of the v1 door: one JPEG inside a square of `side` px. */
export const imageRecipe = (side: number): Recipe => ({ renditions: [fitted('thumbnail', side, side)] })

/** The recipe of the projects door. The fifth version is the original as it was uploaded. */
export const PROJECT_RECIPE: Recipe = {
  renditions: [
    fitted('thumb', 150, 120),
    fitted('big_thumb', 700, 700),
    fitted('big_1920', 1920, 1080),
    fitted('d2500', 2500, 2500),
  ],
}

function fitted(name: string, width: number, height: number): RenditionSpec {
  return { name, operations: [{ op: 'fit', width, height }], format: 'jpeg', quality: DEFAULT_QUALITY }
}
