import { availableParallelism } from 'node:os'
import path from 'node:path'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import sharp from 'sharp'

const [redisUrl = '', queue = '', directory = ''] = process.argv.slice(2)

sharp.concurrency(1)
const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
const worker = new Worker<{ url: string }>(
  queue,
  async ({ id, data: { url } }) => {
    const answer = await fetch(url)
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
    await sharp(await answer.arrayBuffer())
      .autoOrient()
      .resize(320, 320, { fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: 80 })
      .toFile(path.join(directory, `${id}.jpg`))
  },
  { connection, concurrency: availableParallelism() },
)
await worker.waitUntilReady()
process.send?.('ready')
process.on('disconnect', () => process.exit())
