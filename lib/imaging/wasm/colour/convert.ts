/** Light has 12 bits behind the point of a step. */
const STEP_BITS: i32 = 12

/** The last step of light, which is all of it. */
const LAST: i32 = 8191

/**
 * Converts pixels of RGBA in place, alpha kept. `light`: what each byte of red, then of green, then of blue adds to red,
 * green and blue, as four numbers of 32 bits; `bytes`: the byte of each step of light.
 */
export function convertColours(at: usize, pixels: i32, light: usize, bytes: usize): void {
  const half = i32x4.splat(1 << (STEP_BITS - 1))
  const last = i32x4.splat(LAST)
  const zero = i32x4.splat(0)
  for (const end = at + ((<usize>pixels) << 2); at < end; at += 4) {
    const red = v128.load(light + ((<usize>load<u8>(at)) << 4))
    const green = v128.load(light + ((<usize>load<u8>(at, 1)) << 4), 256 << 4)
    const blue = v128.load(light + ((<usize>load<u8>(at, 2)) << 4), 512 << 4)
    const sum = i32x4.add(i32x4.add(red, half), i32x4.add(green, blue))
    const step = i32x4.max_s(i32x4.min_s(i32x4.shr_s(sum, STEP_BITS), last), zero)
    store<u8>(at, load<u8>(bytes + i32x4.extract_lane(step, 0)))
    store<u8>(at, load<u8>(bytes + i32x4.extract_lane(step, 1)), 1)
    store<u8>(at, load<u8>(bytes + i32x4.extract_lane(step, 2)), 2)
  }
}
