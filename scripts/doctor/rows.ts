import { nowPlus } from '../../lib/db/port.ts'
import { once } from '../../lib/once.ts'
import { freeExpired } from '../../lib/photos/expired.ts'
import { isOwner } from '../../lib/photos/owner.ts'
import { removeFiles } from '../../lib/photos/removals.ts'
import { requestProcessing } from '../../lib/photos/request.ts'
import type { PhotoRow } from '../../lib/photos/row.ts'
import { checkUploads } from '../../lib/photos/uploads.ts'
import { findRenditionsByPhoto, type RenditionRow } from '../../lib/renditions/row.ts'
import { isOriginal, renditionKey } from '../../lib/storage/port.ts'
import { BATCH, type DoctorApp, type Finding } from './finding.ts'

/** What a relay would have done long ago, in ms. */
const OVERDUE_MS = 5 * 60_000

/** Rows whose files are missing, or that nobody goes on with. */
export async function* checkRows(app: DoctorApp): AsyncGenerator<Finding> {
  yield* checkFilesOfRows(app)
  yield* checkOverdue(app)
}

async function* checkFilesOfRows(app: DoctorApp): AsyncGenerator<Finding> {
  // What is missing from another storage may be in the right one.
  const mayMend = await isOwner(app)
  let after = '00000000-0000-0000-0000-000000000000'
  for (;;) {
    const photos = await app.db
      .selectFrom('photos')
      .selectAll()
      .where('uuid', '>', after)
      .where('status', 'in', ['pending', 'completed'])
      .orderBy('uuid')
      .limit(BATCH)
      .execute()
    const last = photos.at(-1)
    if (!last) return
    after = last.uuid
    const renditionsOf = await findRenditionsByPhoto(app.db, photos)
    const found = await Promise.all(photos.map((photo) => checkPhoto(app, photo, renditionsOf(photo))))
    for (const { mend, ...finding } of found.flat()) yield { ...finding, ...(mayMend && mend && { mend }) }
  }
}

async function checkPhoto(
  app: DoctorApp,
  photo: PhotoRow,
  renditions: readonly RenditionRow[],
): Promise<Finding[]> {
  const { uuid, url, status } = photo
  const findings: Finding[] = []
  const isStored = isOriginal(url) && photo.source_removed_at === null
  const hasSource = !isOriginal(url) || (isStored && (await app.storage.head(url)) !== undefined)
  if (isStored && !hasSource)
    findings.push({ kind: 'photos whose original is gone', name: uuid, mend: () => noteGone(app, uuid) })
  if (status !== 'completed') return findings
  const whole = await Promise.all(renditions.map((rendition) => isWhole(app, rendition)))
  if (renditions.length === 0 || whole.includes(false)) {
    const again = { mend: () => requestProcessing(app, [uuid], true) }
    findings.push({
      kind: 'completed photos whose renditions are missing or incomplete',
      name: uuid,
      ...(hasSource && again),
    })
  }
  return findings
}

/** A database that was taken over does not know the bytes of its renditions. */
async function isWhole({ storage }: DoctorApp, { url, bytes }: RenditionRow): Promise<boolean> {
  const info = await storage.head(renditionKey(url))
  return info !== undefined && (bytes === 0 || info.bytes === bytes)
}

/** From then on nobody is given a link to it. */
const noteGone = ({ db }: DoctorApp, uuid: string) =>
  db.updateTable('photos').set({ source_removed_at: nowPlus() }).where('uuid', '=', uuid).execute()

/** A row that waits for a part of the sweep; `state` changes when that has looked at it. */
type Waiting = { name: string | null; state: string | number | null }

/** What a part of the sweep should have done; `find` gives what is overdue, or all that waits for it. */
type Overdue = {
  kind: string
  find(isOverdue: boolean): Promise<Waiting[]>
  sweep?: (app: DoctorApp) => Promise<number>
}

/** What the sweep or the relay should have done: none of them runs, or they fail. */
async function* checkOverdue(app: DoctorApp): AsyncGenerator<Finding> {
  for (const { kind, find, sweep } of overdueIn(app)) {
    const sweepAll = once(async () => {
      while (sweep && (await sweep(app)) > 0);
      return new Set((await find(false)).map(keyOf))
    })
    for (const row of await find(true)) {
      const mend = async () => {
        if ((await sweepAll()).has(keyOf(row))) throw new Error('it is as it was')
      }
      yield { kind, name: String(row.name), ...(sweep && { mend }) }
    }
  }
}

const keyOf = ({ name, state }: Waiting) => `${name} ${state}`

function overdueIn({ db }: DoctorApp): Overdue[] {
  const overdue = nowPlus(-OVERDUE_MS)
  return [
    {
      kind: 'photos whose worker died, and that no sweep has freed',
      find: (isOverdue) =>
        db
          .selectFrom('photos')
          .select(['uuid as name', 'lease_until as state'])
          .where('status', '=', 'processing')
          .$if(isOverdue, (query) => query.where('lease_until', '<', overdue))
          .execute(),
      sweep: freeExpired,
    },
    {
      kind: 'uploads that no sweep has checked',
      find: (isOverdue) =>
        db
          .selectFrom('photos')
          .select(['uuid as name', 'check_after as state'])
          .where('status', '=', 'init')
          .$if(isOverdue, (query) => query.where('check_after', '<', overdue))
          .execute(),
      sweep: checkUploads,
    },
    {
      kind: 'deleted photos whose files no sweep has removed',
      find: (isOverdue) =>
        db
          .selectFrom('removals')
          .select(['photo_uuid as name', 'runs as state'])
          .$if(isOverdue, (query) => query.where('due', '<', overdue))
          .execute(),
      sweep: removeFiles,
    },
    {
      kind: 'events that no relay has published',
      find: () =>
        db
          .selectFrom('events')
          .select(['id as name', 'publish_after as state'])
          .where('published_at', 'is', null)
          .where('publish_after', '<', overdue)
          .where('lane', 'is', null)
          .execute(),
    },
  ]
}
