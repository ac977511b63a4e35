import { once } from 'node:events'
import { WebSocket } from 'ws'

/** Sockets that are opened at once. */
const OPENING = 50
const REPORT_MS = 200

const [url = '', count = '0', project = '0'] = process.argv.slice(2)

/** From the time in each event to its receipt, in ms, since the last report. */
let latencies: number[] = []

let open = 0
const openNext = async () => {
  while (open < Number(count)) {
    open++
    await subscribe()
  }
}
await Promise.all(Array.from({ length: OPENING }, openNext))
process.send?.('subscribed')
setInterval(() => {
  if (latencies.length > 0) process.send?.(latencies)
  latencies = []
}, REPORT_MS)

async function subscribe(): Promise<void> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, { perMessageDeflate: false })
  await once(socket, 'open')
  socket.send(JSON.stringify({ subscribe: Number(project) }))
  await once(socket, 'message')
  socket.on('message', (data: Buffer) => latencies.push(Date.now() - timeOf(data)))
  socket.on('close', () => process.exit(1))
}

/** Only the time is read: the rest of the JSON is the same for thousands of sockets. */
function timeOf(event: Buffer): number {
  const at = event.indexOf('"time":"') + '"time":"'.length
  return Date.parse(event.toString('latin1', at, event.indexOf('"', at)))
}
