import { expect } from 'vitest'
import type { PublishedType } from '../../../../lib/http/description/events.ts'
import { signEvent, toCloudEvent } from '../../../../lib/outbox/event.ts'
import { processPhoto } from '../../../../lib/photos/process.ts'
import type { WorkerApp } from '../../../../lib/worker.ts'
import { eventsOf, insertPhoto } from '../../../functions/support.ts'
import { jpeg, sample } from '../../../support/images.ts'
import { until } from '../../../support/service.ts'
import { bytes, type SourceServer, status } from '../../../support/source-server.ts'
import { EMPTY, openRecorder } from './recorder.ts'

type Photo = { uuid: string; thumbnails: { url: string }[] }
type Recorder = ReturnType<typeof openRecorder>

const PROJECT = 111

/** Calls every operation of a service at least once, by a key of scope `admin`, and returns what was sent and answered. */
export async function recordOperations(app: WorkerApp, url: string, key: string, source: SourceServer) {
  const recorder = openRecorder(url, { authorization: `Bearer ${key}` })
  source.set('/photo.jpg', bytes(await jpeg(sample(640, 480))))
  source.set('/slow.jpg', status(503))
  // A busy machine may answer later than a probe waits.
  await until(async () => (await fetch(`${url}/readyz`)).ok)
  await recordHealth(recorder)
  await recordPhotos(app, recorder, source)
  await recordJobs(app, recorder, source)
  await recordV1(app, recorder, source)
  await recordProjects(recorder)
  await recordPage(recorder, key)
  await recordKeys(recorder)
  return recorder.operations
}

async function recordHealth({ record }: Recorder): Promise<void> {
  for (const operation of [
    'checkHealth',
    'checkHealthz',
    'checkLiveness',
    'checkLivenessV1',
    'checkReadiness',
  ])
    await record(operation, 'running')
}

async function recordPhotos(app: WorkerApp, { record }: Recorder, source: SourceServer): Promise<void> {
  const stats = await record<{ per_minute: unknown[] }>('showPhotoStats', 'none')
  stats.per_minute.splice(1)
  const photo = await record<Photo>('addPhotos', 'one', { body: { url: `${source.url}/photo.jpg` } })
  const [missing, slow] = await record<Photo[]>('addPhotos', 'many', {
    body: { urls: [`${source.url}/missing.jpg`, `${source.url}/slow.jpg`], project_id: PROJECT },
  })
  await record('listPendingPhotos', 'all', { query: { limit: 10 } })
  await record('requestProcessing', 'list', { body: [photo.uuid, '01a208fa-d379-72a3-9e61-aaf487ae54bf'] })
  for (const { uuid } of [photo, missing, slow] as Photo[]) {
    if (uuid !== photo.uuid)
      await record('requestProcessing', 'object', { body: { uuids: [uuid], force: true } })
    await processPhoto(app, uuid)
  }
  await expectStatuses(app, { [photo.uuid]: 'completed', [missing?.uuid ?? '']: 'failed' })
  await record('showPhoto', 'completed', { params: { uuid: photo.uuid } })
  await record('showPhoto', 'failed', { params: { uuid: missing?.uuid } })
  await record('showPhoto', 'retrying', { params: { uuid: slow?.uuid } })
  const { items } = await record<{ items: Photo[] }>('listPhotos', 'completed', {
    query: { status: 'completed', limit: 1 },
  })
  await record('showPhotoContent', 'primary', {
    params: { uuid: photo.uuid },
    query: { version: 'thumbnail' },
  })
  const [path] = (items[0]?.thumbnails[0]?.url ?? '').split('?')
  await record('showFile', 'thumbnail', { params: { path } })
  await record('reprocessPhotos', 'failed', { body: { filter: { code: 'source-rejected' } } })
  await record('removePhoto', 'one', { params: { uuid: await insertPhoto(app) } })
}

/** What is not rendered here would be shown as an example all the same. */
async function expectStatuses({ db }: WorkerApp, wanted: Record<string, string>): Promise<void> {
  const rows = await db.selectFrom('photos').select(['uuid', 'status']).execute()
  const found = rows.filter(({ uuid }) => uuid in wanted).map(({ uuid, status }) => [uuid, status])
  expect(Object.fromEntries(found)).toEqual(wanted)
}

async function recordJobs(app: WorkerApp, { record }: Recorder, source: SourceServer): Promise<void> {
  const { jobId } = await record<{ jobId: string }>('submitJob', 'one', {
    body: { imageUrl: `${source.url}/photo.jpg`, transformations: ['fit:200x200', 'grayscale'] },
  })
  await processPhoto(app, jobId)
  await record('showJob', 'completed', { params: { jobId } })
}

async function recordV1(app: WorkerApp, { record }: Recorder, source: SourceServer): Promise<void> {
  const body = { url: `${source.url}/photo.jpg` }
  const { id } = await record<{ id: string }>('submitImage', 'new', { body })
  await processPhoto(app, id)
  await record('submitImage', 'known', { body })
  await record('submitImages', 'many', {
    body: { urls: [`${source.url}/photo.jpg?2`, body.url, 'ftp://example.com/photo.jpg'] },
  })
  await record('showImageJob', 'completed', { params: { id } })
  await record('showImageJobThumbnail', 'completed', { params: { id } })
  await record('listImageJobs', 'completed', { query: { status: 'completed', limit: 1 } })
  await record('countImageJobs', 'all')
}

async function recordProjects({ record }: Recorder): Promise<void> {
  const file = await jpeg(sample(64, 48))
  const { image_id, params } = await record<{ image_id: string; params: Record<string, string> }>(
    'createUpload',
    'one',
    { body: { filename: 'holiday.jpg', project_id: PROJECT } },
  )
  await record('takeUpload', 'one', { form: { ...params, file: 'holiday.jpg' }, file })
  await record('confirmUpload', 'one', { params: { image_id } })
  await record('listProjectImages', 'first', { params: { id: PROJECT }, query: { limit: 10 } })
  await record('setQuota', 'photos', { params: { id: PROJECT }, body: { photos_per_day: 1000 } })
  await record('showQuota', 'photos', { params: { id: PROJECT } })
}

async function recordPage({ record }: Recorder, key: string): Promise<void> {
  const file = await jpeg(sample(64, 48))
  await record('uploadPhotos', 'two', { form: { nickname: 'holiday', image: ['beach.jpg', EMPTY] }, file })
  await record('signIn', 'key', { body: { key } })
  await record('signOut', 'session')
}

async function recordKeys({ record }: Recorder): Promise<void> {
  const { id } = await record<{ id: string }>('createKey', 'project', {
    body: { name: 'shop', scopes: ['read', 'write'], projects: [PROJECT] },
  })
  await record('listKeys', 'all')
  await record('createToken', 'reading', {
    body: { project_id: PROJECT, scopes: ['read'], expires_in: 600 },
  })
  await record('revokeKey', 'one', { params: { id } })
}

/** An event of each type, as it was sent. */
export async function recordEvents(app: WorkerApp, types: readonly PublishedType[]) {
  const sign = await app.access.links.signer()
  const found = await Promise.all(types.map(async (type) => [type, (await eventsOf(app, type))[0]] as const))
  return Object.fromEntries(
    found.flatMap(([type, row]) => (row ? [[type, signEvent(toCloudEvent(row), sign)]] : [])),
  )
}
