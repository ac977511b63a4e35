import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../service.ts'
import { type OwnServer, runServer } from './program.ts'

/** A Redis of the test's own, on a free port; it keeps nothing on disk. `more` are further arguments. */
export async function openRedis(more: string[] = []): Promise<OwnServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'redis-'))
  const port = await freePort()
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--save', '', ...more]
  const server = await runServer(
    { url: `redis://127.0.0.1:${port}`, port },
    { file: 'redis-server', args },
    () => ping(port),
  )
  return {
    ...server,
    async close() {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function ping(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'))
    socket.on('error', reject)
    socket.on('data', (answer) => {
      socket.destroy()
      if (answer.toString().startsWith('+PONG')) resolve()
      else reject(new Error(answer.toString()))
    })
  })
}
