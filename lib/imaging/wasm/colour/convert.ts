/** How many steps of light the table of bytes has; one more entry is for full light. */
const STEPS: i32 = 16384

/**
 * Converts pixels of RGBA in place, alpha kept. `light`: what each byte of red, then of green, then of blue adds to red,
 * green and blue, as four floats; `bytes`: the bytes that become of `STEPS` + 1 steps of light.
 */
export function convertColours(at: usize, pixels: i32, light: usize, bytes: usize): void {
  const steps = f32x4.splat(<f32>STEPS)
  const half = f32x4.splat(0.5)
  const last = i32x4.splat(STEPS)
  const zero = i32x4.splat(0)
  for (const end = at + ((<usize>pixels) << 2); at < end; at += 4) {
    const red = v128.load(light + ((<usize>load<u8>(at)) << 4))
    const green = v128.load(light + ((<usize>load<u8>(at, 1)) << 4), 256 << 4)
    const blue = v128.load(light + ((<usize>load<u8>(at, 2)) << 4), 512 << 4)
    const sum = f32x4.add(f32x4.mul(f32x4.add(f32x4.add(red, green), blue), steps), half)
    // Saturating: whatever the tables hold, each step lies within the table of bytes.
    const step = i32x4.max_s(i32x4.min_s(i32x4.trunc_sat_f32x4_s(sum), last), zero)
    store<u8>(at, load<u8>(bytes + i32x4.extract_lane(step, 0)))
    store<u8>(at, load<u8>(bytes + i32x4.extract_lane(step, 1)), 1)
    store<u8>(at, load<u8>(bytes + i32x4.extract_lane(step, 2)), 2)
  }
}
