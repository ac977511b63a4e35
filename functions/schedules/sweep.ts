import type { App } from '../../lib/app.ts'
import { isDatabaseAway } from '../../lib/away.ts'
import { checkDatabase } from '../../lib/db/check.ts'
import type { Db } from '../../lib/db/port.ts'
import { schedule } from '../../lib/function.ts'
import { deleteOldAnswers } from '../../lib/http/idempotency.ts'
import { lambdaSchedule } from '../../lib/lambda/schedule.ts'
import { giveUpExcess, giveUpRemoved } from '../../lib/notifications/backlog.ts'
import { deleteOldDeliveries } from '../../lib/notifications/enqueue.ts'
import { dropOldDead } from '../../lib/outbox/dead-retention.ts'
import { deleteOldEvents } from '../../lib/outbox/retention.ts'
import { continueBulk } from '../../lib/photos/bulk.ts'
import { freeExpired } from '../../lib/photos/expired.ts'
import { removeFailedOriginals } from '../../lib/photos/failed-originals.ts'
import { requeueLost } from '../../lib/photos/lost.ts'
import { removeFiles } from '../../lib/photos/removals.ts'
import { REMOVE } from '../../lib/photos/remove.ts'
import { removeOrphans } from '../../lib/photos/remove-orphans.ts'
import { REPROCESS } from '../../lib/photos/reprocess.ts'
import { removeUnfinished } from '../../lib/photos/unfinished.ts'
import { checkUploads } from '../../lib/photos/uploads.ts'

/** The parts of the sweep; each returns how many rows it changed. */
const PARTS = [
  freeExpired,
  requeueLost,
  (app: App) => continueBulk(app, REPROCESS),
  (app: App) => continueBulk(app, REMOVE),
  checkUploads,
  deleteOldAnswers,
  giveUpRemoved,
  giveUpExcess,
  deleteOldDeliveries,
  deleteOldEvents,
  dropOldDead,
  removeFailedOriginals,
  removeFiles,
  removeUnfinished,
  removeOrphans,
]

/** Runs all parts of the sweep; a part that fails does not stop the others, but where the database is away they would all wait for it. */
export const sweep = schedule({
  name: 'sweep',
  access: 'internal',
  every: (config) => config.sweepIntervalMs,
  async run(app: App) {
    let done = 0
    for (const part of PARTS)
      try {
        done += await part(app)
      } catch (error) {
        app.log.error({ err: error }, 'a part of the sweep failed')
        if (isDatabaseAway(error) && !(await isUsable(app.db))) break
      }
    return done
  },
})

/** Whether only this part met the limit, the lock or the other server that its error speaks of: the next part may do. */
const isUsable = (db: Db): Promise<boolean> =>
  checkDatabase(db).then(
    () => true,
    () => false,
  )

export const handler = lambdaSchedule(sweep)
