import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy before a server, so that the server can be away for a while: `cut` ends every connection and refuses new ones, `hold` lets nothing through. */
export async function openProxy(target: { host: string; port: number }) {
  const sockets = new Set<Socket>()
  let port = 0
  let server = await listen()

  async function listen(): Promise<Server> {
    const listening = createServer((near) => {
      const far = connect(target)
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
      }
      near.pipe(far).pipe(near)
    })
    await new Promise<void>((resolve, reject) => {
      listening.once('error', reject)
      listening.listen(port, '127.0.0.1', resolve)
    })
    const address = listening.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    port = address.port
    return listening
  }

  async function cut(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }

  return {
    port,
    cut,
    hold() {
      for (const socket of sockets) socket.unpipe()
    },
    async restore() {
      server = await listen()
    },
    close: cut,
  }
}
