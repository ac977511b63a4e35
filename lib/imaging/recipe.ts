/** One step of a rendition. `fit` scales down into a box of `width` x `height` px, aspect kept, never enlarged. */
export type Operation = { op: 'fit'; width: number; height: number }

/** One image to make from a source. `quality` is 1..100 and means nothing for PNG. */
export type RenditionSpec = {
  name: string
  operations: Operation[]
  format: 'jpeg' | 'png' | 'webp'
  quality?: number
}

/** What to make of one source image: stored with the photo as JSON, so that a retry months later does the same. */
export type Recipe = { renditions: RenditionSpec[] }

/** The recipe of the photos and page doors: one JPEG inside 320x320. */
export const THUMBNAIL_RECIPE: Recipe = {
  renditions: [
    {
      name: 'thumbnail',
      operations: [{ op: 'fit', width: 320, height: 320 }],
      format: 'jpeg',
      quality: 80,
    },
  ],
}
