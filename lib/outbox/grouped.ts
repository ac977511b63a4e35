/**
 * Does work in groups: what comes while one runs goes together into the next, by key. Under load this is one
 * statement for many, and alone nothing waits. A group that fails fails for all that are in it, and for no others.
 */
export function grouped<K extends object, T>(run: (key: K, items: readonly T[]) => Promise<void>) {
  const groups = new WeakMap<K, { items: T[]; done: Promise<void> }>()
  const running = new WeakMap<K, Promise<void>>()
  return (key: K, items: readonly T[]): Promise<void> => {
    const waiting = groups.get(key)
    if (waiting) {
      waiting.items.push(...items)
      return waiting.done
    }
    const group = { items: [...items], done: Promise.resolve() }
    const before = running.get(key) ?? Promise.resolve()
    group.done = before
      .catch(() => {})
      .then(() => {
        groups.delete(key)
        const work = run(key, group.items)
        running.set(key, work)
        return work
      })
    groups.set(key, group)
    return group.done
  }
}
