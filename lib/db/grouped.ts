type Group<T, R> = { items: T[]; done: Promise<R> }

/**
 * A statement that many callers share: what comes while it runs goes together into its next run. Under load this is one
 * statement for many photos, and alone nothing waits. Groups are kept by `of`, such as the database.
 */
export function grouped<O extends object, T, R>(
  run: (of: O, items: readonly T[]) => Promise<R>,
): (of: O, items: readonly T[]) => Promise<R> {
  const waiting = new WeakMap<O, Group<T, R>>()
  const running = new WeakMap<O, Promise<unknown>>()
  return (of, items) => {
    const group = waiting.get(of)
    if (group) {
      group.items.push(...items)
      return group.done
    }
    const collected = [...items]
    const before = running.get(of) ?? Promise.resolve()
    const done = before
      .catch(() => {})
      .then(() => {
        waiting.delete(of)
        const statement = run(of, collected)
        running.set(of, statement)
        return statement
      })
    waiting.set(of, { items: collected, done })
    return done
  }
}
