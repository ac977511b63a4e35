/** Decoded pixels: RGBA, 8 bits each, not premultiplied, rows from the top without padding. */
export type Bitmap = {
  width: number
  height: number
  data: Buffer
  /**
   * How much of the bitmap, in its px from the top left, stands for the picture; all of it where undefined. A picture
   * decoded at a fraction of its size ends within its last column and row of pixels.
   */
  extent?: { width: number; height: number }
}
