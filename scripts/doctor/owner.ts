import { isOwner, renewOwner } from '../../lib/photos/owner.ts'
import type { DoctorApp, Finding } from './finding.ts'

/** A storage whose files are not those of the database; `isSure`: they are all the same. */
export async function* checkOwner(app: DoctorApp, isSure: boolean): AsyncGenerator<Finding> {
  if (await isOwner(app)) return
  const { s3, storageDir } = app.config
  yield {
    kind: 'storages of another database',
    name: s3?.bucket ?? storageDir,
    ...(isSure && { mend: () => renewOwner(app) }),
  }
  if (!isSure)
    console.error(
      'Storage and database do not belong together: is this their database, a copy of it, a volume that is not mounted? --repair changes neither files nor their rows; with --sure it makes them belong together.',
    )
}
