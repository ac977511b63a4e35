/** All memory behind the module's own data is one arena: what a picture needs is taken piece by piece and given back at once. */
let next: usize = __heap_base

/** Gives back all that was allocated. */
export function reset(): void {
  next = __heap_base
}

/** The address of so many bytes, a multiple of 16, not cleared; 0 when there is no such memory. */
export function allocate(bytes: usize): usize {
  const start = (next + 15) & ~15
  const end = start + bytes
  return end >= start && extend(end) ? start : 0
}

/** Moves the end of what was allocated last; false when there is no such memory. */
export function extend(end: usize): bool {
  // Room for vectors that are read or written beyond the end.
  const needed = end + 64
  if (needed < end) return false
  const pages = <i32>((needed + 0xffff) >> 16) - memory.size()
  if (pages > 0 && memory.grow(pages) < 0) return false
  next = end
  return true
}
