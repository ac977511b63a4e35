import { describe, expect, test } from 'vitest'
import { requestProcessing } from '../../../lib/photos/request.ts'
import type { WorkerApp } from '../../../lib/worker.ts'
import { runWorker } from '../../../scripts/serve/roles.ts'
import { addPhoto, inspect, withPipeline } from '../../lib/photos/support.ts'
import { isAvailable, SETUPS } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { until } from '../../support/service.ts'

const POISON = 10_000

/** Messages that the worker holds at once. */
const PREFETCH = 50

/** The same app, and how often it inserts and publishes dead letters. */
function counting(app: WorkerApp) {
  const counts = { inserts: 0, publications: 0 }
  const db = app.db.withPlugin({
    transformQuery({ node }) {
      if (node.kind === 'InsertQueryNode') counts.inserts++
      return node
    },
    transformResult: async ({ result }) => result,
  })
  const publish: typeof app.queue.publish = (messages, deadlineMs) => {
    if (messages.some(({ to }) => to === 'dead')) counts.publications++
    return app.queue.publish(messages, deadlineMs)
  }
  return { counted: { ...app, db, queue: { ...app.queue, publish } }, counts }
}

const countDead = async ({ db }: WorkerApp, more: 'all' | 'published') => {
  const { count } = await db
    .selectFrom('events')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('type', '=', 'message.dead')
    .$if(more === 'published', (query) => query.where('published_at', 'is not', null))
    .executeTakeFirstOrThrow()
  return count
}

describe.for(SETUPS)('poison on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('10,000 messages that nobody understands cost a statement and a publication a batch', () =>
    withPipeline(
      setup,
      async (pipeline) => {
        const { app } = pipeline
        const good = await addPhoto(pipeline, await jpeg(sample(40, 30)))
        const poison = Array.from({ length: POISON }, (_, id) => ({
          id: String(id),
          to: 'work' as const,
          key: '',
          body: 'poison',
        }))
        expect((await app.queue.publish(poison, 60_000)).size).toBe(POISON)
        await requestProcessing(app, [good], false)
        const { counted, counts } = counting(app)
        const worker = await runWorker(counted)
        await until(async () => (await inspect(pipeline, good)).photo.status === 'completed')
        await until(async () => (await countDead(app, 'all')) === POISON)
        await worker.stop()
        // A message is acknowledged after its dead letter, and that one is published by then.
        expect(await countDead(app, 'published')).toBe(POISON)
        const most = (4 * POISON) / PREFETCH
        expect(counts.inserts).toBeLessThan(most)
        expect(counts.publications).toBeLessThan(most)
      },
      { PREFETCH: String(PREFETCH) },
    ),
  )
})
