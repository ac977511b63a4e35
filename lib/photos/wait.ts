import type { App } from '../app.ts'
import { grouped } from '../db/grouped.ts'
import { type Db, isPostgres, PREPARED, uuids } from '../db/port.ts'
import type { AppError } from '../errors.ts'
import type { Stay } from '../live/stay.ts'
import type { PhotoStatus } from '../photo-status.ts'

/** Longest wait for a photo, in s: proxies end requests that are silent for a minute. */
export const MOST_WAIT_S = 30

/** The same in a function, in ms, whose own time ends soon after. */
const MOST_IN_FUNCTION_MS = 5_000

/** How often we look, in ms: where events are heard, in case one does not come; and where none are. */
export const LOOK_MS = { heard: 5_000, unheard: 1_000 }

/** Whether nothing happens to a photo any more unless somebody requests it. */
export const isDone = ({ status }: { status: PhotoStatus }): boolean =>
  status === 'completed' || status === 'failed'

/**
 * Resolves when a photo is done or gone, `ms` are over, the client has gone or the service closes. It listens before it looks, so
 * that nothing falls in between. Throws `too-many-sockets`, and `unauthorized` where the credential ends meanwhile.
 */
export async function waitUntilDone(
  { db }: Pick<App, 'db'>,
  uuid: string,
  ms: number,
  stay: Stay,
): Promise<void> {
  const leave = stay.enter()
  let wake = () => {}
  let isOver = false
  let refusal: AppError | undefined
  const end = (error?: AppError) => {
    isOver = true
    refusal = error
    wake()
  }
  const timer = setTimeout(end, stay.listen ? ms : Math.min(ms, MOST_IN_FUNCTION_MS))
  const stopListening = stay.listen?.(uuid, () => wake())
  const stopWatching = stay.watch(end)
  try {
    while (!isOver) {
      const woken = Promise.withResolvers<void>()
      wake = woken.resolve
      const look = setTimeout(wake, stay.listen ? LOOK_MS.heard : LOOK_MS.unheard)
      try {
        if (!(await findUndone(db, [uuid])).has(uuid)) return
        await woken.promise
      } finally {
        clearTimeout(look)
      }
    }
    if (refusal) throw refusal
  } finally {
    clearTimeout(timer)
    stopListening?.()
    stopWatching()
    leave()
  }
}

/** Those of some photos that are not done; requests that wait look together. */
const findUndone = grouped(async (db: Db, asked: readonly string[]): Promise<ReadonlySet<string>> => {
  const rows = await db
    .selectFrom('photos')
    .select('uuid')
    .where('uuid', 'in', uuids(db, asked))
    .where('status', 'not in', ['completed', 'failed'])
    .$if(isPostgres(db), (query) => query.modifyEnd(PREPARED))
    .execute()
  return new Set(rows.map((row) => row.uuid))
})
