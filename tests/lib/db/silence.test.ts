import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { openSilenceWatch } from '../../../lib/db/silence.ts'

test('a connection that went silent ends, and so do those that bring nothing meanwhile; others go on', async () => {
  const server = net.createServer((socket) => socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const open = async () => {
    const socket = net.connect({ host: '127.0.0.1', port })
    const [[far]] = await Promise.all([once(server, 'connection'), once(socket, 'connect')])
    socket.resume()
    return { socket, far: far as net.Socket }
  }
  const watch = openSilenceWatch(500)
  const [silent, asked, heard] = [await open(), await open(), await open()]
  for (const { socket } of [silent, asked, heard]) watch(socket)
  // Asked later, so not silent for long; it has no answer either.
  const asking = setInterval(() => asked.socket.write('?'), 50)
  const answering = setInterval(() => heard.far.write('!'), 50)
  const errors = await Promise.all([once(silent.socket, 'error'), once(asked.socket, 'error')])
  expect(errors).toMatchObject([[{ code: 'ETIMEDOUT' }], [{ code: 'ETIMEDOUT' }]])
  expect(heard.socket.destroyed).toBe(false)
  clearInterval(asking)
  clearInterval(answering)
  heard.socket.destroy()
  server.close()
})
