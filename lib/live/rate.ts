/** What a client may do so many times in so many ms, all of them at once if it likes. */
type Rate = { most: number; ms: number }

/** Counts what a client does; the result of `take` says whether it may. */
export function openRate({ most, ms }: Rate, now = () => performance.now()) {
  let left = most
  let since = now()
  return {
    take(): boolean {
      const at = now()
      left = Math.min(most, left + ((at - since) * most) / ms)
      since = at
      if (left < 1) return false
      left--
      return true
    },
  }
}
