import { setTimeout as delay } from 'node:timers/promises'
import { SingleBar } from 'cli-progress'
import type { App } from '../../lib/app.ts'
import { uuids } from '../../lib/db/port.ts'
import { errorOf, type PhotoRow } from '../../lib/photos/row.ts'

const POLL_MS = 50

/** A photo that is completed or failed. */
export type Done = { name: string; photo: PhotoRow }

/** Waits until all are completed or failed: a bar on a terminal, else a line for each as it ends. */
export async function watch(app: App, photos: readonly { uuid: string; name: string }[]): Promise<Done[]> {
  const bar = process.stdout.isTTY ? new SingleBar({ format: '{bar} {value} of {total}  {last}' }) : undefined
  bar?.start(photos.length, 0, { last: '' })
  const done = new Map<string, Done>()
  while (done.size < photos.length) {
    await delay(POLL_MS)
    const open = photos.filter(({ uuid }) => !done.has(uuid))
    for (const photo of await findDone(app, open)) {
      const { name = '' } = open.find(({ uuid }) => uuid === photo.uuid) ?? {}
      done.set(photo.uuid, { name, photo })
      if (bar) bar.update(done.size, { last: name })
      else console.log(`${done.size} of ${photos.length}  ${name}  ${photo.status}${reasonOf(photo)}`)
    }
  }
  bar?.stop()
  return photos.flatMap(({ uuid }) => done.get(uuid) ?? [])
}

const findDone = ({ db }: App, photos: readonly { uuid: string }[]): Promise<PhotoRow[]> =>
  db
    .selectFrom('photos')
    .selectAll()
    .where(
      'uuid',
      'in',
      uuids(
        db,
        photos.map(({ uuid }) => uuid),
      ),
    )
    .where('status', 'in', ['completed', 'failed'])
    .execute()

function reasonOf(photo: PhotoRow): string {
  const error = errorOf(photo)
  return error ? `: ${error.code}, ${error.message}` : ''
}
