import { submit } from '../../functions/v1/submit.ts'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { migrate } from '../../lib/db/migrate.ts'
import { openServer } from '../../lib/http/bare-server.ts'
import { mount } from '../../lib/http/mount.ts'

// Submits an image under a key, and dies the moment after the commit.
const [key = '', url] = process.argv.slice(2)
const app = await openApp(readConfig(process.env))
await migrate(app.db)
const publish = async (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}
const server = openServer(app)
mount(server, [submit], { ...app, queue: { ...app.queue, publish } })
await server.inject({
  method: 'POST',
  url: '/v1/images',
  headers: { 'idempotency-key': key },
  payload: { url },
})
throw new Error('The process outlived its commit')
