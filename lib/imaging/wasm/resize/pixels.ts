/** Whether all alphas of so many RGBA pixels are 255. */
export function isOpaqueRow(at: usize, pixels: u32): bool {
  const end = at + ((<usize>pixels) << 2)
  let all = i32x4.splat(-1)
  for (; at + 16 <= end; at += 16) all = v128.and(all, v128.load(at))
  for (; at < end; at += 4) all = v128.and(all, v128.load32_splat(at))
  return i32x4.all_true(i32x4.ge_u(all, i32x4.splat(0xff000000)))
}

/** Writes so many pixels of 1 (grey), 3 (RGB) or 4 (RGBA) channels as RGBA; may read 15 bytes beyond them. */
export function toRgba(from: usize, channels: u32, pixels: u32, to: usize): void {
  const end = to + ((<usize>pixels) << 2)
  if (channels == 4) memory.copy(to, from, end - to)
  else if (channels == 3) rgbToRgba(from, to, end)
  else for (; to < end; from++, to += 4) store<u32>(to, 0xff000000 | (<u32>load<u8>(from) * 0x010101))
}

function rgbToRgba(from: usize, to: usize, end: usize): void {
  const opaque = i32x4.splat(0xff000000)
  for (; to + 16 <= end; from += 12, to += 16) {
    const four = v128.load(from)
    v128.store(
      to,
      v128.or(v128.shuffle<u8>(four, opaque, 0, 1, 2, 16, 3, 4, 5, 16, 6, 7, 8, 16, 9, 10, 11, 16), opaque),
    )
  }
  for (; to < end; from += 3, to += 4) store<u32>(to, 0xff000000 | load<u32>(from))
}
