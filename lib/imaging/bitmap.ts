/** Decoded pixels: RGBA, 8 bits each, not premultiplied, rows from the top without padding. */
export type Bitmap = { width: number; height: number; data: Buffer }
