import { WebSocket } from 'ws'

/** What a listener was told of each photo: types by the ids of events. */
export type Heard = Map<string, Map<string, string>>

type Message = { id?: string; type?: string; subject?: string }

export const TERMINAL = ['image.uploaded', 'image.failed'] as const

/** Notes an event that ends a photo. */
export function note(heard: Heard, { id, type, subject }: Message): void {
  if (id === undefined || subject === undefined || !TERMINAL.some((terminal) => terminal === type)) return
  const events = heard.get(subject) ?? new Map<string, string>()
  heard.set(subject, events.set(id, type as string))
}

const AGAIN_MS = 200

/** Hears everything by a socket; one that is lost is opened again and gets what it missed. */
export async function openListener(url: string) {
  const heard: Heard = new Map()
  const first = Promise.withResolvers<void>()
  let after: string | undefined
  let isClosed = false
  let socket: WebSocket
  const open = () => {
    socket = new WebSocket(`${url.replace(/^http/, 'ws')}/ws`)
    socket.on('open', () => socket.send(JSON.stringify({ subscribe: 'all', after })))
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message & { subscribed?: string }
      if (message.subscribed !== undefined) first.resolve()
      after = message.id ?? after
      note(heard, message)
    })
    socket.on('error', () => {})
    socket.on('close', () => isClosed || setTimeout(() => isClosed || open(), AGAIN_MS))
  }
  open()
  await first.promise
  return {
    heard,
    close() {
      isClosed = true
      socket.terminate()
    },
  }
}
