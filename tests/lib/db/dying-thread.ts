import { type MessagePort, parentPort } from 'node:worker_threads'
import type { SqliteRequest } from '../../../lib/db/sqlite-message.ts'

type Listener = (requests: SqliteRequest[] | undefined) => void

// A thread that dies of a statement that says so: at once, or of an error.
const port = parentPort as MessagePort
const on = port.on.bind(port)
port.on = ((event: 'message', listener: Listener) =>
  on(event, (requests: SqliteRequest[] | undefined) => {
    if (requests?.some(({ sql }) => sql.includes('die'))) process.exit(1)
    if (requests?.some(({ sql }) => sql.includes('throw'))) throw new Error('thrown')
    listener(requests)
  })) as typeof port.on
await import('../../../lib/db/sqlite-worker.ts')
