import { setTimeout as delay } from 'node:timers/promises'

/** What makes thumbnails of photos by their URLs. */
export type Contender = {
  /** Returns when all are done; throws where one failed. */
  process(urls: readonly string[]): Promise<void>
  /** Processor time in ms that each of its processes has spent, servers included. */
  cpu(): Promise<Record<string, number>>
}

/** Photos a second, and the processor time of each process in ms a photo. */
export type Turn = { rate: number; cpu: Record<string, number> }

/** How often a contender is asked how many photos are done, and how long it may take for one turn, in ms. */
export const POLL_MS = 100
export const TURN_TIMEOUT_MS = 300_000

/** What goes on after the last photo is done, such as events, is part of the processor time, not of the rate. */
const SETTLE_MS = 500

/** Measures `run`, in which a contender processes so many photos. */
export async function measureTurn(
  { cpu }: Pick<Contender, 'cpu'>,
  count: number,
  run: () => Promise<unknown>,
): Promise<Turn> {
  const before = await cpu()
  const start = performance.now()
  await run()
  const seconds = (performance.now() - start) / 1000
  await delay(SETTLE_MS)
  const spent = Object.entries(await cpu()).map(
    ([name, after]) => [name, (after - (before[name] ?? 0)) / count] as const,
  )
  return { rate: count / seconds, cpu: Object.fromEntries(spent) }
}
