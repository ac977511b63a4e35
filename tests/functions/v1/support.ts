import type { App } from '../../../lib/app.ts'
import type { PhotoStatus } from '../../../lib/photo-status.ts'

/** Moves a photo as a worker would in the end. */
export const setStatus = ({ db }: App, uuid: string, status: PhotoStatus) =>
  db.updateTable('photos').set({ status }).where('uuid', '=', uuid).execute()

/** How many photos there are. */
export async function countJobs({ db }: App): Promise<number> {
  return (await db.selectFrom('photos').select('uuid').execute()).length
}
