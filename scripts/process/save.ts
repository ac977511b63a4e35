import { access, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { App } from '../../lib/app.ts'
import { findRenditions } from '../../lib/renditions/row.ts'
import { renditionKey } from '../../lib/storage/port.ts'
import type { Done } from './progress.ts'

/** What became of an input; `size` of the thumbnail in px, `seconds` of the attempts. */
export type Result = {
  name: string
  status: string
  size: string
  seconds: number
  file?: string
  code?: string
}

/** Writes the thumbnails into a directory, each named as its source. */
export async function save(app: App, done: readonly Done[], directory: string): Promise<Result[]> {
  const results: Result[] = []
  for (const { name, photo } of done) {
    const seconds = await secondsOf(app, photo.uuid)
    const [rendition] = await findRenditions(app.db, [photo.uuid])
    const data = rendition && (await app.storage.read(renditionKey(rendition.url), Number.POSITIVE_INFINITY))
    if (!data) {
      results.push({ name, status: photo.status, size: '', seconds, code: photo.error_code ?? '' })
      continue
    }
    const file = await freeName(directory, name, path.extname(rendition.url))
    await writeFile(file, data, { flag: 'wx' })
    results.push({
      name,
      status: photo.status,
      size: `${rendition.width}x${rendition.height}`,
      seconds,
      file,
    })
  }
  return results
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

/** `<name>.jpg`, or `<name>-2.jpg` where that is taken. */
async function freeName(directory: string, source: string, extension: string): Promise<string> {
  const stem = URL.canParse(source) ? new URL(source).pathname : source
  const base = path.parse(path.basename(stem)).name.replaceAll(/[^\w.-]/g, '_') || 'photo'
  for (let i = 1; ; i++) {
    const file = path.join(directory, `${base}${i === 1 ? '' : `-${i}`}${extension}`)
    const taken = await access(file).then(
      () => true,
      () => false,
    )
    if (!taken) return file
  }
}
