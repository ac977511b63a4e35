import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'vitest'
import type { Config } from '../../../lib/config/index.ts'
import { type Outcome, processPhoto } from '../../../lib/photos/process.ts'
import { findPhoto, type PhotoRow } from '../../../lib/photos/row.ts'
import { findTimeline } from '../../../lib/photos/show.ts'
import { findRenditions } from '../../../lib/renditions/row.ts'
import { openStorage } from '../../../lib/storage/index.ts'
import { openWorker, type WorkerApp } from '../../../lib/worker.ts'
import { insertPhoto } from '../../functions/support.ts'
import { type Environment, type Setup, withWorker } from '../../support/app.ts'
import { keepOpen } from '../../support/keep-open.ts'
import { bytes, openSourceServer, type Route, type SourceServer } from '../../support/source-server.ts'

/** A worker and the server that it fetches from. */
export type Pipeline = { app: WorkerApp; source: SourceServer }

/** Runs `use` with a pipeline of its own on a set-up. */
export const withPipeline = <T>(
  setup: Setup,
  use: (pipeline: Pipeline) => Promise<T>,
  more: Environment = {},
): Promise<T> =>
  withWorker(
    setup,
    async (app) => {
      const source = await openSourceServer()
      try {
        return await use({ app, source })
      } finally {
        await source.close()
      }
    },
    more,
  )

/** One pipeline for all cases of a file, whose renderers are warm after the first. */
export const sharedPipeline = (setup: Setup): (() => Pipeline) => keepOpen((use) => withPipeline(setup, use))

/** The same photos, storage and queue under another configuration. */
export async function withConfig<T>(
  { app, source }: Pipeline,
  changes: Partial<Config>,
  use: (pipeline: Pipeline) => Promise<T>,
): Promise<T> {
  const config = { ...app.config, ...changes }
  const worker = openWorker({ ...app, config, storage: await openStorage(config) })
  try {
    return await use({ app: worker, source })
  } finally {
    await worker.close()
  }
}

let paths = 0

/** Inserts a pending photo whose source is answered by `route`, or is these bytes. */
export function addPhoto({ app, source }: Pipeline, content: Route | Uint8Array): Promise<string> {
  const at = `/photo-${++paths}`
  source.set(at, typeof content === 'function' ? content : bytes(content))
  return insertPhoto(app, { url: `${source.url}${at}` })
}

/** Inserts a photo and runs one attempt. */
export async function attempt(
  pipeline: Pipeline,
  content: Route | Uint8Array,
): Promise<{ uuid: string; outcome: Outcome }> {
  const uuid = await addPhoto(pipeline, content)
  return { uuid, outcome: await processPhoto(pipeline.app, uuid) }
}

/** Everything that is known of a photo; of the files also what is half written. */
export async function inspect({ app }: Pick<Pipeline, 'app'>, uuid: string) {
  const { storageDir, thumbsDir } = app.config
  const files = [...(await filesIn(storageDir)), ...(await filesIn(thumbsDir))]
  return {
    photo: await findPhoto(app.db, uuid),
    thumbnails: await findRenditions(app.db, [uuid]),
    files: [...new Set(files)].filter((file) => /\.part$/.test(file) || file.includes(uuid)),
    timeline: await findTimeline(app.db, uuid),
  }
}

async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
}

/** A photo that is done: one thumbnail row, its file and the end of its timeline. Returns the file's bytes too. */
export async function expectCompleted(pipeline: Pick<Pipeline, 'app'>, uuid: string, attempts = 1) {
  const { app } = pipeline
  const state = await inspect(pipeline, uuid)
  const { photo, thumbnails, files, timeline } = state
  expect(photo).toMatchObject({
    status: 'completed',
    attempts,
    error_code: null,
    error: null,
    lease_until: null,
    lease_token: null,
  })
  const url = `${uuid.slice(-2)}/${uuid}.jpg`
  expect(thumbnails).toMatchObject([{ photo_uuid: uuid, name: 'thumbnail', format: 'jpeg', url }])
  expect(files).toEqual([path.join(app.config.thumbsDir, url)])
  expect(timeline.at(-1)).toMatchObject({ type: 'image.uploaded', attempt: attempts })
  const data = await app.storage.read(`thumbs/${url}`, 10_000_000)
  if (!data || !thumbnails[0]) throw new Error('no thumbnail')
  expect(thumbnails[0].bytes).toBe(data.length)
  return {
    ...state,
    thumbnail: thumbnails[0],
    data,
    metadata: JSON.parse(photo.metadata ?? 'null') as unknown,
  }
}

/** A photo that was given up: why, and that nothing of it is left. */
export async function expectFailed(
  pipeline: Pick<Pipeline, 'app'>,
  uuid: string,
  code: string,
  attempts = 1,
) {
  const state = await inspect(pipeline, uuid)
  expect(state.photo).toMatchObject({
    status: 'failed',
    error_code: code,
    attempts,
    lease_until: null,
    lease_token: null,
  })
  expectPlain(state.photo.error)
  expect(state).toMatchObject({ thumbnails: [], files: [] })
  const detail = `${code}: ${state.photo.error}`
  expect(state.timeline.at(-1)).toMatchObject({ type: 'image.failed', attempt: attempts, detail })
  return state
}

/** A photo that waits for its next attempt; returns when that is due. */
export async function expectRetried(
  pipeline: Pick<Pipeline, 'app'>,
  uuid: string,
  code: string,
  attempts = 1,
): Promise<{ photo: PhotoRow; due: Date }> {
  const { photo, thumbnails, files, timeline } = await inspect(pipeline, uuid)
  expect(photo).toMatchObject({
    status: 'pending',
    queued_at: expect.any(String),
    attempts,
    error_code: null,
    error: null,
    lease_until: null,
    lease_token: null,
  })
  expect({ thumbnails, files }).toEqual({ thumbnails: [], files: [] })
  const [retrying, last] = timeline.slice(-2)
  expect(retrying).toMatchObject({ type: 'image.retrying', attempt: attempts })
  expect(last).toMatchObject({ type: 'image.queued', attempt: attempts, detail: null })
  expect(retrying?.detail).toMatch(new RegExp(`^${code}: .`))
  expectPlain(retrying?.detail ?? null)
  const event = await pipeline.app.db
    .selectFrom('events')
    .select(['publish_after', 'published_at'])
    .where('id', '=', last?.id ?? '')
    .executeTakeFirstOrThrow()
  expect(event.published_at).toBeNull()
  return { photo, due: new Date(event.publish_after ?? '') }
}

/** A sentence for people: no path, no URL, no word of the file system. */
function expectPlain(text: string | null): void {
  expect(text).toMatch(/^[A-Za-z].{5,200}$/)
  expect(text).not.toMatch(/[\\/]|\bE(NO|ACC|EX|IS)[A-Z]+/)
}
