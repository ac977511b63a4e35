import type { Fault, Retry, Status, Thumbnail } from './api.ts'

/** An event of the service about a photo (a CloudEvent). */
export type PhotoEvent = {
  id: string
  type: string
  subject: string
  time: string
  data: { status: Status; error: Fault | null; thumbnails: Thumbnail[] } & Partial<Omit<Retry, 'error'>>
}

export type ConnectionState = 'connecting' | 'live' | 'waiting'

type Message = Partial<PhotoEvent> & {
  subscribed?: string
  reset?: boolean
  unsubscribed?: string
  error?: Fault
}

const FIRST_DELAY_MS = 500
const MAX_DELAY_MS = 15_000

/** How often the page tests whether its socket is alive, and how long the answer may take, in ms. */
const CHECK_MS = 25_000
const CHECK_TIMEOUT_MS = 8_000

/** How many event ids are remembered: a replay begins 10 s before the cursor and repeats what is known. */
const KNOWN = 20_000

/** A photo that cannot be: unsubscribing from it changes nothing, and is answered. */
const NOBODY = '00000000-0000-0000-0000-000000000000'

/**
 * Listens to all events for as long as the page is open: comes back by itself and then gets what it missed. Where
 * that is too long ago `onReset` says that all is to be read anew.
 */
export function openSocket(handlers: {
  onEvent(event: PhotoEvent): void
  onState(state: ConnectionState): void
  onReset(): void
  /** The service wants a credential that the page has not. */
  onUnauthorized(): void
}) {
  let socket: WebSocket | undefined
  let cursor: string | undefined
  let tries = 0
  let retry: number | undefined
  let check: number | undefined
  const known = new Set<string>()

  const connect = () => {
    clearTimeout(retry)
    // While it is being tried again, that is what there is to say.
    if (tries === 0) handlers.onState('connecting')
    const opening = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`)
    socket = opening
    expectAnswer()
    opening.addEventListener('open', () => opening.send(JSON.stringify({ subscribe: 'all', after: cursor })))
    opening.addEventListener('message', ({ data }) => {
      if (opening === socket) receive(JSON.parse(data) as Message)
    })
    opening.addEventListener('close', () => {
      if (opening === socket) comeBack()
    })
  }

  const comeBack = () => {
    socket = undefined
    clearTimeout(check)
    handlers.onState('waiting')
    const most = Math.min(FIRST_DELAY_MS * 2 ** tries++, MAX_DELAY_MS)
    retry = window.setTimeout(connect, most / 2 + (Math.random() * most) / 2)
  }

  /** A socket that is silently gone (a laptop slept, a network changed) is closed only if something is sent. */
  const expectAnswer = () => {
    clearTimeout(check)
    check = window.setTimeout(() => {
      const silent = socket
      comeBack()
      silent?.close()
    }, CHECK_TIMEOUT_MS)
  }
  const askLater = () => {
    clearTimeout(check)
    check = window.setTimeout(askNow, CHECK_MS)
  }
  const askNow = () => {
    if (socket?.readyState !== WebSocket.OPEN) return
    socket.send(JSON.stringify({ unsubscribe: NOBODY }))
    expectAnswer()
  }

  const receive = (message: Message) => {
    askLater()
    if (message.subscribed) {
      tries = 0
      if (message.reset) handlers.onReset()
      handlers.onState('live')
    }
    if (message.error?.code === 'unauthorized') return leave()
    if (message.error) socket?.close()
    if (message.id && message.subject) take(message as PhotoEvent)
  }

  /** The session has ended: `connect` follows when there is another. */
  const leave = () => {
    const closing = socket
    socket = undefined
    clearTimeout(check)
    closing?.close()
    handlers.onUnauthorized()
  }

  const take = (event: PhotoEvent) => {
    if (known.has(event.id)) return
    known.add(event.id)
    if (known.size > KNOWN) known.delete(known.values().next().value ?? '')
    // The last that came, not the greatest: ids have the clocks of their writers.
    cursor = event.id
    handlers.onEvent(event)
  }

  const hurry = () => {
    if (socket) askNow()
    else if (retry !== undefined) connect()
  }
  window.addEventListener('online', hurry)
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) hurry()
  })

  return {
    connect,
    /** Says from which event on what happens is not known from elsewhere. */
    startAt(event: string) {
      cursor = event
    },
  }
}
