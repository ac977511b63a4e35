import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { addMany, median, reach } from './load.ts'
import { type Environment, startRole } from './service.ts'

const UUIDS = 10_000
const RUNS = 5

/** `POST /photos/process` with 10,000 uuids: until it is answered, and until every message is confirmed. */
export async function benchRequests(env: Environment): Promise<Record<string, string>> {
  const api = await startRole('api', env)
  const app = await openApp(readConfig({ ...env, LOG_LEVEL: 'silent' }))
  await migrate(app.db)
  const answered: number[] = []
  const confirmed: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const uuids = await addMany(app, 'http://127.0.0.1/none', UUIDS)
    const start = performance.now()
    const answer = await fetch(`${api.url}/photos/process`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(uuids),
    })
    if (answer.status !== 202) throw new Error(`answered ${answer.status}`)
    answered.push(performance.now() - start)
    await reach(() => countConfirmed(app), UUIDS * (run + 1), 60_000)
    confirmed.push(performance.now() - start)
  }
  await api.stop()
  await app.close()
  return {
    '10,000 uuids: answered': `${Math.round(median(answered))} ms`,
    '10,000 uuids: every message confirmed': `${Math.round(median(confirmed))} ms`,
  }
}

async function countConfirmed({ db }: Awaited<ReturnType<typeof openApp>>): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('published_at', 'is not', null)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
