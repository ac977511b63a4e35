import { createReadStream } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { uuidv7 } from 'uuidv7'
import type { App } from '../../lib/app.ts'
import { uuids } from '../../lib/db/port.ts'
import { checkSubmittedUrl } from '../../lib/download/source-url.ts'
import { AppError } from '../../lib/errors.ts'
import type { Recipe } from '../../lib/imaging/recipe.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import type { PhotoRow } from '../../lib/photos/row.ts'
import { originalKey } from '../../lib/storage/port.ts'
import { isUrl, STANDARD_INPUT } from './inputs.ts'
import { type Result, save } from './save.ts'

/** Most photos that are copied and not done; the rest waits, so that the temporary directory stays small. */
const MOST_OPEN = 64
const POLL_MS = 50

type Run = { recipe: Recipe; out: string; signal: AbortSignal }

/** Processes inputs, and yields what became of each, saved, as soon as it is done; ends early when the signal aborts. */
export async function* processAll(app: App, inputs: readonly string[], run: Run): AsyncGenerator<Result> {
  const open = new Map<string, string>()
  const left = [...inputs]
  while (left.length + open.size > 0 && !run.signal.aborted) {
    const names = left.splice(0, MOST_OPEN - open.size)
    for (const name of names) {
      if (run.signal.aborted) return
      try {
        open.set(await add(app, name, run.recipe), name)
      } catch (error) {
        yield refused(name, error)
      }
    }
    yield* saveDone(app, open, run.out)
    await delay(POLL_MS, undefined, { signal: run.signal }).catch(() => {})
  }
  // Done while the signal came.
  yield* saveDone(app, open, run.out)
}

async function* saveDone(app: App, open: Map<string, string>, out: string): AsyncGenerator<Result> {
  for (const photo of await findDone(app, [...open.keys()])) {
    const result = await save(app, open.get(photo.uuid) ?? '', photo, out)
    open.delete(photo.uuid)
    await app.storage.remove(originalKey(photo.uuid))
    yield result
  }
}

/** Files become stored originals, URLs stay what they are; returns the uuid. */
async function add(app: App, name: string, recipe: Recipe): Promise<string> {
  const uuid = uuidv7()
  const url = isUrl(name) ? name : originalKey(uuid)
  if (isUrl(name)) checkSubmittedUrl(name, '', app.config.sourceAllowCidrs)
  else await app.storage.put(url, await readInput(name, app.config.maxSourceBytes))
  await addPhotos(app, [{ uuid, name, url, door: 'photos', recipe, queued: true }])
  return uuid
}

/** Reads no further than a source may be large: a name may be that of a device or of a disk. */
async function readInput(name: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of name === STANDARD_INPUT ? process.stdin : createReadStream(name)) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > maxBytes) throw new AppError('too-many-bytes', `The source is larger than ${maxBytes} bytes`)
  }
  return Buffer.concat(chunks)
}

const findDone = ({ db }: App, open: string[]): Promise<PhotoRow[]> =>
  db
    .selectFrom('photos')
    .selectAll()
    .where('uuid', 'in', uuids(db, open))
    .where('status', 'in', ['completed', 'failed'])
    .execute()

/** What becomes of an input that cannot be read, or names what may not be. */
function refused(name: string, error: unknown): Result {
  const { code = '', message } = error as NodeJS.ErrnoException
  const said =
    error instanceof AppError
      ? { code, message }
      : { code: 'unreadable', message: `The file cannot be read (${code})` }
  return { name, status: 'failed', seconds: 0, files: [], error: said }
}
