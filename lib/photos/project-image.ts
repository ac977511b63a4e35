import type { RenditionRow } from '../renditions/row.ts'
import { isOriginal } from '../storage/port.ts'
import type { PhotoRow } from './row.ts'

/** The versions of a photo as URLs by name, which `urlOf` makes of their paths below `/files/`: its renditions, and `original` where the service keeps it. */
export function versionsOf(
  { url, status, source_removed_at }: Pick<PhotoRow, 'url' | 'status' | 'source_removed_at'>,
  renditions: readonly Pick<RenditionRow, 'name' | 'url'>[],
  urlOf: (path: string) => string,
): Record<string, string> {
  const made = renditions.map(({ name, url }) => [name, urlOf(url)])
  const original =
    isOriginal(url) && status !== 'init' && source_removed_at === null ? [['original', urlOf(url)]] : []
  return Object.fromEntries([...original, ...made])
}

/** The status in the words of the projects door. */
export const stateOf = ({ status }: Pick<PhotoRow, 'status'>) => PROJECT_STATES[status]

const PROJECT_STATES = {
  init: 'init',
  pending: 'uploaded',
  processing: 'processing',
  completed: 'done',
  failed: 'error',
} as const
