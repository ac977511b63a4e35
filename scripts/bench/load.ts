import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../../lib/app.ts'
import { addPhotos } from '../../lib/photos/add.ts'

/** Adds `count` photos whose sources lie at `base`; returns their uuids. */
export async function addMany(app: App, base: string, count: number): Promise<string[]> {
  const photos = Array.from({ length: count }, (_, i) => ({
    url: `${base}/${i}.jpg`,
    door: 'photos' as const,
  }))
  return (await addPhotos(app, photos)).map(({ uuid }) => uuid)
}

/** How many photos are completed. */
export async function countCompleted({ db }: App): Promise<number> {
  const row = await db
    .selectFrom('photos')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('status', '=', 'completed')
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Waits until `measure`, called every `everyMs`, reaches `target`; throws past `timeoutMs`. */
export async function reach(
  measure: () => Promise<number>,
  target: number,
  timeoutMs: number,
  everyMs = 20,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await measure()
    if (value >= target) return
    if (performance.now() > deadline) throw new Error(`reached ${value} of ${target} within ${timeoutMs} ms`)
    await delay(everyMs)
  }
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
