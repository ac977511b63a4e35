/** Nodes a side in the table of colours that `convertInks` is given. */
const NODES: i32 = 17

/** Bytes from a node to the next of each ink: cyan, magenta, yellow and black, which lie side by side. */
const BLACK: usize = 16
const YELLOW: usize = BLACK * NODES
const MAGENTA: usize = YELLOW * NODES
const CYAN: usize = MAGENTA * NODES

function mix(one: v128, other: v128, share: v128): v128 {
  return f32x4.add(one, f32x4.mul(f32x4.sub(other, one), share))
}

/** Between the node at `at` and the next of black, for two nodes of yellow. */
function mixYellow(at: usize, yellow: v128, black: v128): v128 {
  return mix(
    mix(v128.load(at), v128.load(at, BLACK), black),
    mix(v128.load(at, YELLOW), v128.load(at, YELLOW + BLACK), black),
    yellow,
  )
}

/**
 * Makes RGBA of pixels of CMYK, 8 bits each, in place, linearly between the nodes around each. `table`: the colour of every
 * node as four floats: red, green, blue and alpha, 0 to 255, and beyond where sRGB ends.
 */
export function convertInks(at: usize, pixels: i32, table: usize): void {
  const scale = f32x4.splat(<f32>(NODES - 1) / 255)
  const last = i32x4.splat(NODES - 2)
  const half = f32x4.splat(0.5)
  for (const end = at + ((<usize>pixels) << 2); at < end; at += 4) {
    const bytes = v128.load32_zero(at)
    const inks = f32x4.mul(
      f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes))),
      scale,
    )
    const cells = i32x4.min_s(i32x4.trunc_sat_f32x4_s(inks), last)
    const shares = f32x4.sub(inks, f32x4.convert_i32x4_s(cells))
    const node =
      table +
      <usize>i32x4.extract_lane(cells, 0) * CYAN +
      <usize>i32x4.extract_lane(cells, 1) * MAGENTA +
      <usize>i32x4.extract_lane(cells, 2) * YELLOW +
      <usize>i32x4.extract_lane(cells, 3) * BLACK
    const cyan = v128.shuffle<i32>(shares, shares, 0, 0, 0, 0)
    const magenta = v128.shuffle<i32>(shares, shares, 1, 1, 1, 1)
    const yellow = v128.shuffle<i32>(shares, shares, 2, 2, 2, 2)
    const black = v128.shuffle<i32>(shares, shares, 3, 3, 3, 3)
    const colour = mix(
      mix(mixYellow(node, yellow, black), mixYellow(node + MAGENTA, yellow, black), magenta),
      mix(mixYellow(node + CYAN, yellow, black), mixYellow(node + CYAN + MAGENTA, yellow, black), magenta),
      cyan,
    )
    const rounded = i32x4.trunc_sat_f32x4_s(f32x4.add(colour, half))
    const narrow = i16x8.narrow_i32x4_s(rounded, rounded)
    v128.store32_lane(at, i8x16.narrow_i16x8_u(narrow, narrow), 0)
  }
}
