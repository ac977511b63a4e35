import { QUANTISERS, SCALES } from './tables'

/** For brightness and for colours: quantisers by row, and what coefficients are multiplied by, by column. */
const quantisers = memory.data(128, 16)
const factors = memory.data(512, 16)

export function quantisersOf(table: usize): usize {
  return quantisers + (table << 6)
}

export function factorsOf(table: usize): usize {
  return factors + (table << 8)
}

/** Sets both tables by libjpeg's scale: 50 is the table as it is, 100 all ones. */
export function setQuality(quality: i32): void {
  const scale = quality < 50 ? 5000 / quality : 200 - quality * 2
  for (let i: usize = 0; i < 128; i++) {
    const value = max(1, min(255, (<i32>load<u8>(QUANTISERS + i) * scale + 50) / 100))
    store<u8>(quantisers + i, value)
    const row = <i32>(i >> 3) & 7
    const column = <i32>i & 7
    const factor = 1 / (<f64>value * 8 * unchecked(SCALES[row]) * unchecked(SCALES[column]))
    store<f32>(factorsOf(i >> 6) + (((column << 3) + row) << 2), <f32>factor)
  }
}
