type Group<T, R> = { items: T[]; done: Promise<R> }

/**
 * A statement that many callers share: what comes while it runs goes together into its next run. Under load this is one
 * statement for many photos, and alone nothing waits. Groups are kept by `keyOf`, such as the database.
 */
export function grouped<O extends object, T, R>(
  run: (of: O, items: readonly T[]) => Promise<R>,
  keyOf: (of: O) => object = (of) => of,
): (of: O, items: readonly T[]) => Promise<R> {
  const waiting = new WeakMap<object, Group<T, R>>()
  const running = new WeakMap<object, Promise<unknown>>()
  return (of, items) => {
    const key = keyOf(of)
    const group = waiting.get(key)
    if (group) {
      group.items.push(...items)
      return group.done
    }
    const collected = [...items]
    const before = running.get(key) ?? Promise.resolve()
    const done = before
      .catch(() => {})
      .then(() => {
        waiting.delete(key)
        const statement = run(of, collected)
        running.set(key, statement)
        return statement
      })
    waiting.set(key, { items: collected, done })
    return done
  }
}
