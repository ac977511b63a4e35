import type { App } from '../../lib/app.ts'
import { until } from './service.ts'

const LAST = 'last'

/** The photos that messages to the workers name while `use` runs, in order, once there are so many. */
export async function queuedDuring(app: App, expected: number, use: () => Promise<void>): Promise<string[]> {
  const queued: string[] = []
  const consumer = await app.queue.consume('work', 1, async ({ body }) => {
    queued.push((JSON.parse(Buffer.from(body).toString()) as { photo_uuid: string }).photo_uuid)
  })
  await use()
  await until(() => queued.length >= expected)
  // What was queued before this has come when it comes.
  await app.queue.publish([{ id: LAST, to: 'work', key: '', body: { photo_uuid: LAST } }], 5_000)
  await until(() => queued.includes(LAST))
  await consumer.stop()
  return queued.filter((uuid) => uuid !== LAST)
}

/** The same app with a queue that takes the first `most` of the messages it is given. */
export const withRefusing = (app: App, most: number): App => ({
  ...app,
  queue: { ...app.queue, publish: (messages, ms) => app.queue.publish(messages.slice(0, most), ms) },
})
