import { isPostgres } from '../db/port.ts'
import { renditionPath } from '../renditions/path.ts'
import { renditionKey } from '../storage/port.ts'
import type { WorkerApp } from '../worker.ts'
import { type PhotoRow, recipeOf } from './row.ts'

/** Where the renditions of a photo lie or would lie; none for a recipe that cannot be read. */
export function plannedPaths(photo: PhotoRow): string[] {
  try {
    const recipe = recipeOf(photo)
    return recipe.renditions.map((rendition) => renditionPath(photo.uuid, recipe, rendition))
  } catch {
    return []
  }
}

/**
 * Removes what a late attempt has stored of a photo that has failed or was deleted meanwhile. The row is locked, so that
 * no new attempt begins to store in between.
 */
export async function removeAbandoned(
  app: Pick<WorkerApp, 'db' | 'storage'>,
  photo: PhotoRow,
): Promise<void> {
  await app.db.transaction().execute(async (tx) => {
    const row = await tx
      .selectFrom('photos')
      .select('status')
      .where('uuid', '=', photo.uuid)
      .$if(isPostgres(tx), (query) => query.forUpdate())
      .executeTakeFirst()
    if (row && row.status !== 'failed') return
    for (const path of plannedPaths(photo)) await app.storage.remove(renditionKey(path))
  })
}
