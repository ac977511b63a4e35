import WebSocket from 'ws'
import type { App } from '../../../lib/app.ts'
import { record } from '../../../lib/outbox/record.ts'
import { eventData } from '../../../lib/photos/event-data.ts'
import { findPhoto } from '../../../lib/photos/row.ts'

type Message = {
  id?: string
  type?: string
  subject?: string
  error?: { code: string }
  data?: { project_id: number | null }
}

/** Lets a photo have been processed, as far as listeners can tell. */
export async function happen(app: App, uuid: string): Promise<void> {
  const photo = await findPhoto(app.db, uuid)
  const data = eventData(photo, [], 'http://127.0.0.1')
  await record(app, async (_tx, emit) => emit({ type: 'image.uploaded', photoUuid: uuid, data }))
}

/** A client with all that it was sent. */
export async function connect(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers })
  const got: Message[] = []
  let closed: number | undefined
  socket.on('message', (data) => got.push(JSON.parse(String(data))))
  socket.on('close', (code) => {
    closed = code
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  return {
    socket,
    got,
    say: (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    subjects: () => got.filter(({ type }) => type === 'image.uploaded').map(({ subject }) => subject),
    closed: () => closed,
  }
}
