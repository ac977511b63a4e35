import { sweep } from '../../functions/schedules/sweep.ts'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { requestBulk } from '../../lib/photos/bulk.ts'
import { REPROCESS } from '../../lib/photos/reprocess.ts'

// Reprocesses what failed, and dies in its second batch, before the commit.
const app = await openApp(readConfig(process.env))
await requestBulk(app, REPROCESS, { filter: { status: 'failed' }, at_most: 10_000 }, '*')
const contents = {
  ...app.contents,
  drop: () => {
    process.kill(process.pid, 'SIGKILL')
  },
}
await sweep.run({ ...app, contents })
throw new Error('The process outlived its batch')
