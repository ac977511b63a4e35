import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { REDIS_URL } from '../../own-servers.ts'
import { reach } from '../load.ts'
import { cpuOfName, cpuOfTree } from '../processes.ts'
import { type Contender, POLL_MS, TURN_TIMEOUT_MS } from './turn.ts'

/** The number of a Redis database that hardly anybody uses; of the 16 that a server has unless it is configured. */
export const DATABASE = 13

const QUEUE = 'bench-photos'

/** What a Node developer would write: BullMQ and sharp, thumbnails as files in `directory`. */
export async function openTheirs(directory: string): Promise<Contender & { stop(): Promise<void> }> {
  const url = new URL(`/${DATABASE}`, REDIS_URL).href
  const redis = new Redis(url)
  const keys = await redis.dbsize()
  if (keys > 0) {
    redis.disconnect()
    throw new Error(`The bench needs Redis database ${DATABASE} empty, but ${url} holds ${keys} keys`)
  }
  await mkdir(directory, { recursive: true })
  const queue = new Queue<{ url: string }>(QUEUE, { connection: redis })
  const child = fork(new URL('./peer.ts', import.meta.url), [url, QUEUE, directory])
  await Promise.race([once(child, 'message'), once(child, 'exit').then(() => fail())])
  const { pid } = child
  if (pid === undefined) fail()
  let expected = 0
  const count = async () => {
    if ((await queue.getFailedCount()) > 0) throw new Error('A job of BullMQ failed')
    return queue.getCompletedCount()
  }
  return {
    async process(urls) {
      expected += urls.length
      await queue.addBulk(urls.map((url) => ({ name: 'thumbnail', data: { url } })))
      await reach(count, expected, TURN_TIMEOUT_MS, POLL_MS)
    },
    cpu: async () => ({ worker: await cpuOfTree(pid), Redis: await cpuOfName('redis-server') }),
    async stop() {
      child.kill()
      await once(child, 'exit')
      await redis.flushdb()
      await queue.close()
      redis.disconnect()
    },
  }
}

function fail(): never {
  throw new Error('The worker of BullMQ did not start')
}
