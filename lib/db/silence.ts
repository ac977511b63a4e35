import type { Socket } from 'node:net'

/** What comes within so many ms after a connection seemed silent has only not been read yet: this process was busy. */
const SECOND_LOOK_MS = 1_000

/**
 * Ends connections to a server over which nothing came or went for `silenceMs`: whoever waits for an answer gets ETIMEDOUT.
 * The others of the same server that bring nothing meanwhile end with it, since what made one silent has met all of them.
 */
export function openSilenceWatch(silenceMs: number): (socket: Socket) => void {
  const sockets = new Set<Socket>()
  return (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.setTimeout(silenceMs)
    socket.on('timeout', () => {
      const before = [...sockets].map((other) => ({ other, bytes: other.bytesRead }))
      const bytes = socket.bytesRead
      setTimeout(() => {
        if (socket.destroyed || socket.bytesRead !== bytes) return
        for (const { other, bytes } of before) if (other.bytesRead === bytes) other.destroy(silent())
      }, SECOND_LOOK_MS).unref()
    })
  }
}

const silent = () => Object.assign(new Error('The database does not answer'), { code: 'ETIMEDOUT' })
