/** All memory behind the module's own data is one arena: what a picture needs is taken piece by piece and given back at once. */
let next: usize = __heap_base

/** The furthest end there was, and how far earlier pictures have come: behind that all memory is zero. */
let furthest: usize = __heap_base
let untouched: usize = __heap_base

/** Room for vectors that are read or written beyond the end. */
const MARGIN: usize = 64

/** Gives back all that was allocated. */
export function reset(): void {
  untouched = furthest
  next = __heap_base
}

/** The address of so many bytes, a multiple of 16, not cleared; 0 when there is no such memory. */
export function allocate(bytes: usize): usize {
  const start = (next + 15) & ~15
  const end = start + bytes
  return end >= start && extend(end) ? start : 0
}

/** As `allocate`, cleared: pages that nobody has used yet stay so. */
export function allocateCleared(bytes: usize): usize {
  const start = allocate(bytes)
  if (start && start < untouched) memory.fill(start, 0, min(bytes, untouched - start))
  return start
}

/** Moves the end of what was allocated last; false when there is no such memory. */
export function extend(end: usize): bool {
  const needed = end + MARGIN
  if (needed < end) return false
  const pages = <i32>(needed >> 16) + 1 - memory.size()
  if (pages > 0 && memory.grow(pages) < 0) return false
  next = end
  furthest = max(furthest, needed)
  return true
}
