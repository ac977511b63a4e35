import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { NO_OWNER } from '../../lib/access/caller.ts'
import { openApp } from '../../lib/app.ts'
import { readConfig } from '../../lib/config/index.ts'
import { takeFile } from '../../lib/photos/take-file.ts'

const [stage, file] = process.argv.slice(2) as ['insert' | 'store', string]
const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}

// Dies right after its row has been inserted, or after its bytes have been stored.
const app = await openApp(readConfig(process.env))
const { storage } = app
await takeFile(
  {
    ...app,
    storage: {
      ...storage,
      async putStream(key, source, maxBytes) {
        if (stage === 'store') await storage.putStream(key, source, maxBytes)
        return die()
      },
    },
  },
  'a.jpg',
  Readable.from([await readFile(file)]),
  { owner: NO_OWNER, maxBytes: app.config.maxSourceBytes },
)
throw new Error('The upload outlived its stage')
