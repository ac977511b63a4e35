import { syncBuiltinESMExports } from 'node:module'
import threads, { type MessagePort, parentPort } from 'node:worker_threads'
import type { SqliteRequest } from '../../../lib/db/sqlite-message.ts'

type Requests = SqliteRequest[] | undefined
type Listener = (requests: Requests) => void

// A thread that dies of a statement that says so, at once or of an error: whether it is told of it, or looks for more.
const dieOf = (requests: Requests) => {
  if (requests?.some(({ sql }) => sql.includes('die'))) process.exit(1)
  if (requests?.some(({ sql }) => sql.includes('throw'))) throw new Error('thrown')
}
const port = parentPort as MessagePort
const on = port.on.bind(port)
port.on = ((event: 'message', listener: Listener) =>
  on(event, (requests: Requests) => {
    dieOf(requests)
    listener(requests)
  })) as typeof port.on
const receive = threads.receiveMessageOnPort
threads.receiveMessageOnPort = (from) => {
  const received = receive(from)
  dieOf(received?.message as Requests)
  return received
}
syncBuiltinESMExports()
await import('../../../lib/db/sqlite-worker.ts')
