import type { Projects } from '../access/caller.ts'
import { type Db, uuids } from '../db/port.ts'
import { parseUuid } from '../uuid.ts'
import { findPhotoOrNone } from './row.ts'

const MAX_NICKNAME = 255

/** What is kept of a nickname: 255 characters, none of them a control character. */
const normalise = (text: string): string =>
  text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .toWellFormed()
    .slice(0, MAX_NICKNAME)

/** Stores who has uploaded some photos, as they say. */
export async function setNickname(db: Db, photos: readonly string[], text: string): Promise<void> {
  const nickname = normalise(text)
  if (nickname === '') return
  await db.updateTable('photos').set({ nickname }).where('uuid', 'in', uuids(db, photos)).execute()
}

/**
 * The uuid of the one photo of some projects that has a nickname; undefined where none has it, or several have. What is a uuid is no
 * nickname: it names its own photo.
 */
export async function findByNickname(db: Db, text: string, projects: Projects): Promise<string | undefined> {
  if (parseUuid(text)) return (await findPhotoOrNone(db, text, projects))?.uuid
  let query = db.selectFrom('photos').select('uuid').where('nickname', '=', normalise(text))
  if (projects !== '*') query = query.where('project_id', 'in', projects)
  const [found, other] = await query.limit(2).execute()
  return other ? undefined : found?.uuid
}
