import type { ThumbsLayout } from '../config/index.ts'
import { formats } from '../imaging/formats.ts'
import type { Recipe, RenditionSpec } from '../imaging/recipe.ts'

type Named = { name: string }

/** The names that a primary rendition has at the five doors; of several the first. */
const PRIMARY_NAMES = ['thumbnail', 'thumb', 'result']

const findByName = <T extends Named>(renditions: readonly T[]): T | undefined =>
  PRIMARY_NAMES.flatMap((primary) => renditions.find(({ name }) => name === primary) ?? [])[0]

/** The rendition that a door shows as the image: `thumbnail`, else `thumb`, else `result`, else the first of its recipe. */
export const primaryOf = <T extends Named & { url: string }>(renditions: readonly T[]): T | undefined =>
  findByName(renditions) ?? renditions.find(({ name, url }) => !url.includes(suffixOf(name)))

/**
 * Path of a rendition of a recipe below the root of the renditions, computed so that a second run overwrites the first:
 * `<xx>/<uuid>.jpg` for the primary rendition, `<xx>/<uuid>-<name>.jpg` for the others; `<xx>` are the uuid's last two
 * digits, since the first of a UUIDv7 are the same for years. A `flat` layout leaves out `<xx>/`.
 */
export function renditionPath(
  uuid: string,
  { renditions }: Recipe,
  { name, format }: Pick<RenditionSpec, 'name' | 'format'>,
  layout: ThumbsLayout = 'digits',
): string {
  const primary = findByName(renditions) ?? renditions[0]
  const directory = layout === 'flat' ? '' : `${uuid.slice(-2)}/`
  return `${directory}${uuid}${name === primary?.name ? '' : suffixOf(name)}.${formats[format].endings[0]}`
}

const suffixOf = (name: string) => `-${name}`
