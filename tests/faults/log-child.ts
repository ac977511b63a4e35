import { setTimeout as delay } from 'node:timers/promises'
import { openLog } from '../../lib/log.ts'

/** Writes more lines than may wait in memory, over several turns of the event loop, and lives to tell. */
const log = await openLog({ logLevel: 'info' })
for (let turn = 0; turn < 20; turn++) {
  for (let line = 0; line < 100; line++) log.info({ turn, line, text: 'x'.repeat(1_000) }, 'a line')
  await delay(1)
}
log.info('the last line')
console.error('alive')
