import type { App } from '../app.ts'
import { renditionPath } from '../renditions/path.ts'
import { renditionKey } from '../storage/port.ts'
import type { WorkerApp } from '../worker.ts'
import { removeLeft } from './removals.ts'
import { type PhotoRow, recipeOf } from './row.ts'

/** Where the renditions of a photo lie or would lie; none for a recipe that cannot be read. */
export function plannedPaths(
  photo: PhotoRow,
  { thumbsLayout }: Pick<App['config'], 'thumbsLayout'>,
): string[] {
  try {
    const recipe = recipeOf(photo)
    return recipe.renditions.map((rendition) => renditionPath(photo.uuid, recipe, rendition, thumbsLayout))
  } catch {
    return []
  }
}

/** Removes what a late attempt has stored of a photo that has failed or was deleted meanwhile. */
export async function removeAbandoned(
  app: Pick<WorkerApp, 'access' | 'config' | 'db' | 'queue' | 'storage' | 'trace'>,
  photo: PhotoRow,
): Promise<void> {
  await removeLeft(app, photo.uuid, plannedPaths(photo, app.config).map(renditionKey))
}
