import { AppError } from '../errors.ts'

/** The client's own keys and values of a photo. */
export type Labels = Record<string, string>

/** What becomes of labels: a value is set, null removes the key; null for all removes all. */
export type LabelChanges = Record<string, string | null> | null

/** Labels that a photo may have. */
export const MAX_LABELS = 16

/** What a key is made of: no colon, so that `key:value` can be read in one way only. */
export const LABEL_KEY = '[A-Za-z0-9][A-Za-z0-9_.\\-]{0,63}'

/** The labels as a column; none is null. */
export const toColumn = (labels: Labels): string | null =>
  Object.keys(labels).length === 0 ? null : JSON.stringify(labels)

/** The labels after the changes, as RFC 7396 has it. Throws `invalid` where they are more than a photo may have. */
export function changeLabels(labels: Labels, changes: LabelChanges): Labels {
  if (changes === null) return {}
  const merged = Object.entries({ ...labels, ...changes }).filter(([, value]) => value !== null)
  if (merged.length > MAX_LABELS) {
    const detail = `must leave at most ${MAX_LABELS} labels; there would be ${merged.length}`
    throw new AppError('invalid', `The labels do not fit: /labels ${detail}`, {
      errors: [{ pointer: '/labels', detail }],
    })
  }
  return Object.fromEntries(merged) as Labels
}
