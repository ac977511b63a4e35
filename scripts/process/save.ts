import { access, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { App } from '../../lib/app.ts'
import { errorOf, type PhotoRow } from '../../lib/photos/row.ts'
import { findRenditions } from '../../lib/renditions/row.ts'
import { renditionKey } from '../../lib/storage/port.ts'
import { STANDARD_INPUT } from './inputs.ts'

/** An image that was saved; sides in px. */
export type Saved = { file: string; width: number; height: number }

/** What became of an input; `seconds` of its attempts. */
export type Result = {
  name: string
  status: 'completed' | 'failed'
  seconds: number
  files: Saved[]
  error: { code: string; message: string } | null
}

/** Saves what was made of a photo in a directory, named as its source, and with the rendition's name where there are several. */
export async function save(app: App, name: string, photo: PhotoRow, directory: string): Promise<Result> {
  const files: Saved[] = []
  const renditions = photo.status === 'completed' ? await findRenditions(app.db, [photo.uuid]) : []
  for (const { name: rendition, url, width, height } of renditions) {
    const data = await app.storage.read(renditionKey(url), Number.POSITIVE_INFINITY)
    if (!data) throw new Error(`The image of ${name} is lost`)
    const stem = renditions.length > 1 ? `${stemOf(name)}-${rendition}` : stemOf(name)
    const file = await freeName(directory, stem, path.extname(url))
    await writeFile(file, data, { flag: 'wx' })
    files.push({ file, width, height })
  }
  const status = photo.status === 'completed' ? 'completed' : 'failed'
  return { name, status, seconds: await secondsOf(app, photo.uuid), files, error: errorOf(photo) }
}

/** From the first attempt to the last event, in seconds. */
async function secondsOf({ db }: App, uuid: string): Promise<number> {
  const events = await db
    .selectFrom('events')
    .select(['type', 'at'])
    .where('photo_uuid', '=', uuid)
    .orderBy('seq')
    .execute()
  const start = events.find(({ type }) => type === 'image.processing')?.at ?? ''
  return (Date.parse(events.at(-1)?.at ?? '') - Date.parse(start)) / 1000
}

/** Most characters of the name of a source that stay: file systems take 255 bytes, and a rendition, a number and an ending follow. */
const MAX_STEM = 150

/** The name of a source without its directory and ending. */
function stemOf(source: string): string {
  if (source === STANDARD_INPUT) return 'stdin'
  const file = URL.canParse(source) ? new URL(source).pathname : source
  return (
    path
      .parse(path.basename(file))
      .name.replaceAll(/[^\w.-]/g, '_')
      .slice(0, MAX_STEM) || 'photo'
  )
}

/** `<stem>.jpg`, or `<stem>-2.jpg` where that is taken. */
async function freeName(directory: string, stem: string, extension: string): Promise<string> {
  for (let i = 1; ; i++) {
    const file = path.join(directory, `${stem}${i === 1 ? '' : `-${i}`}${extension}`)
    const taken = await access(file).then(
      () => true,
      () => false,
    )
    if (!taken) return file
  }
}
