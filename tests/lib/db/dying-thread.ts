import { parentPort } from 'node:worker_threads'
import type { SqliteRequest } from '../../../lib/db/sqlite-message.ts'

// A thread that dies of a statement that says so.
parentPort?.on('message', (requests: SqliteRequest[] | undefined) => {
  if (requests?.some(({ sql }) => sql.includes('die'))) process.exit(1)
})
await import('../../../lib/db/sqlite-worker.ts')
