import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy before a server, so that the network between can fail in every way. */
export type Proxy = Awaited<ReturnType<typeof openProxy>>

export async function openProxy(target: { host: string; port: number }) {
  const pairs = new Set<readonly [near: Socket, far: Socket]>()
  let port = 0
  let isSilent = false
  let loses: string | undefined
  let server = await listen()

  async function listen(): Promise<Server> {
    const listening = createServer(join)
    await new Promise<void>((resolve, reject) => {
      listening.once('error', reject)
      listening.listen(port, '127.0.0.1', resolve)
    })
    const address = listening.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    port = address.port
    return listening
  }

  function join(near: Socket): void {
    const pair = [near, connect(target)] as const
    const [, far] = pair
    pairs.add(pair)
    for (const [socket, other] of [pair, [far, near]] as const) {
      socket.on('error', () => {})
      socket.on('close', () => {
        pairs.delete(pair)
        other.destroy()
      })
    }
    if (!isSilent) near.pipe(far).pipe(near)
    if (loses !== undefined) loseAnswer(pair, loses)
  }

  /** Ends a connection when the server answers what has these words in it, which the client does not hear. */
  function loseAnswer([near, far]: readonly [near: Socket, far: Socket], words: string): void {
    near.on('data', (data) => {
      if (loses !== words || !data.includes(words)) return
      loses = undefined
      far.unpipe(near)
      far.once('data', () => near.resetAndDestroy()).resume()
    })
  }

  /** Ends every connection, and refuses new ones until `restore`. */
  async function cut(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const [near] of pairs) near.destroy()
    await closed
  }

  return {
    port,
    cut,
    /** Lets nothing through connections that are open; new ones work. */
    hold() {
      for (const pair of pairs) for (const socket of pair) socket.unpipe()
    },
    /** Lets nothing through any connection, new ones included, until `speak`. */
    silence() {
      isSilent = true
      for (const pair of pairs) for (const socket of pair) socket.unpipe()
    },
    /** Lets new connections through again; those that were open stay silent, as after a change of routes. */
    speak() {
      isSilent = false
    },
    /** Lets the server do what has these words in it, and ends the connection before its answer: once. */
    loseAnswerTo(words: string) {
      loses = words
      for (const pair of pairs) loseAnswer(pair, words)
    },
    /** Whether no answer is left to be lost. */
    hasLost: () => loses === undefined,
    /** Ends every connection by RST; new ones work at once. */
    reset() {
      for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy()
    },
    async restore() {
      server = await listen()
    },
    close: cut,
  }
}
