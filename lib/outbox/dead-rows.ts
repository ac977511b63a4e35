import type { Db } from '../db/port.ts'
import type { DeadMessages } from '../queue/dead-queue.ts'
import type { ReceivedMessage } from '../queue/port.ts'
import { type ReadLetter, readLetter } from './dead-letter.ts'

/** Smaller than every other id. */
const NIL = '00000000-0000-0000-0000-000000000000'

/** Rows that one statement reads. */
const BATCH = 500

/**
 * The dead messages of a queue within the process: the rows of `events`. `replay` handles one as its consumer would, and returns
 * false where it is still not understood. The row goes after that: a process that dies in between leaves it.
 */
export function openDeadRows(
  db: Db,
  replay: (from: ReadLetter['from'], message: ReceivedMessage) => Promise<boolean>,
): DeadMessages {
  return {
    async each(most, decide) {
      let done = 0
      // What dies again meanwhile is not decided about again.
      const newest = await selectDead(db).select('id').orderBy('id', 'desc').executeTakeFirst()
      let after = NIL
      for (let left = most; newest && left > 0; ) {
        const rows = await selectDead(db)
          .select(['id', 'at', 'data', 'traceparent'])
          .where('id', '>', after)
          .where('id', '<=', newest.id)
          .orderBy('id')
          .limit(Math.min(BATCH, left))
          .execute()
        for (const { id, at, data, traceparent } of rows) {
          const letter = readLetter(data)
          const { from, body, bytes } = letter
          const fate = decide({ ...letter, id, at: Date.parse(at) })
          if (fate === 'stop') return done
          const headers = traceparent === null ? {} : { traceparent }
          const isWhole = bytes === body.byteLength
          const isReplayed =
            fate === 'replay' && isWhole && (await replay(from, { body, headers, redelivered: true }))
          after = id
          if (fate !== 'drop' && !isReplayed) continue
          await db.deleteFrom('events').where('id', '=', id).execute()
          done++
        }
        left -= rows.length
        if (rows.length === 0) break
      }
      return done
    },
    close: async () => {},
  }
}

const selectDead = (db: Db) => db.selectFrom('events').where('type', '=', 'message.dead')
