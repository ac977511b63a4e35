import png from '@jimp/js-png'
import { isOpaque } from '../alpha.ts'
import type { Bitmap } from '../bitmap.ts'

/** Colour type 2 has no alpha channel, which saves a quarter; level 6 is three times as fast as 9, and 1 % larger. */
export const encodePng = async (bitmap: Bitmap): Promise<Buffer> =>
  png().encode(bitmap, { colorType: isOpaque(bitmap) ? 2 : 6, deflateLevel: 6 })
