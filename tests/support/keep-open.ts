import { afterAll, beforeAll } from 'vitest'

/** Opens something once for all cases of a file, and closes it after them: `open` runs what it is given in between. */
export function keepOpen<T>(open: (use: (opened: T) => Promise<void>) => Promise<unknown>): () => T {
  const opened = Promise.withResolvers<T>()
  const finished = Promise.withResolvers<void>()
  let running: Promise<unknown> = Promise.resolve()
  let shared: { value: T } | undefined
  beforeAll(async () => {
    running = open(async (value) => {
      shared = { value }
      opened.resolve(value)
      await finished.promise
    })
    running.catch(opened.reject)
    await opened.promise
  })
  afterAll(async () => {
    finished.resolve()
    await running
  })
  return () => {
    if (!shared) throw new Error('It is not open')
    return shared.value
  }
}
