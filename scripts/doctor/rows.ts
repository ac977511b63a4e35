import { nowPlus } from '../../lib/db/port.ts'
import { freeExpired } from '../../lib/photos/expired.ts'
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
    for (const findings of found) yield* findings
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

/** What the sweep or the relay should have done: none of them runs, or they fail. */
async function* checkOverdue(app: DoctorApp): AsyncGenerator<Finding> {
  const overdue = nowPlus(-OVERDUE_MS)
  const photos = app.db.selectFrom('photos').select('uuid as name')
  const kinds = [
    {
      kind: 'photos whose worker died, and that no sweep has freed',
      rows: photos.where('status', '=', 'processing').where('lease_until', '<', overdue),
      mend: () => freeExpired(app),
    },
    {
      kind: 'uploads that no sweep has checked',
      rows: photos.where('status', '=', 'init').where('check_after', '<', overdue),
      mend: () => checkUploads(app),
    },
    {
      kind: 'deleted photos whose files no sweep has removed',
      rows: app.db.selectFrom('removals').select('photo_uuid as name').where('due', '<', overdue),
      mend: () => removeFiles(app),
    },
    {
      kind: 'events that no relay has published',
      rows: app.db
        .selectFrom('events')
        .select('id as name')
        .where('published_at', 'is', null)
        .where('publish_after', '<', overdue)
        .where('lane', 'is', null),
    },
  ]
  for (const { kind, rows, mend } of kinds)
    for (const { name } of await rows.execute()) yield { kind, name, ...(mend && { mend }) }
}
