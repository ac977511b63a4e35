import { sweep } from '../../functions/schedules/sweep.ts'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { reprocessPhotos } from '../../lib/photos/reprocess.ts'

// Reprocesses what failed, and dies in its second batch, before the commit.
const app = await openApp(readConfig(process.env))
await reprocessPhotos(app, { status: 'failed' })
const contents = {
  ...app.contents,
  drop: () => {
    process.kill(process.pid, 'SIGKILL')
  },
}
await sweep.run({ ...app, contents })
throw new Error('The process outlived its batch')
