import createApi, { type Client as Api } from 'openapi-fetch'
import { unwrap } from './errors.ts'
import { type FollowOptions, follow, type StreamEvent } from './events.ts'
import { type Key, openSend } from './send.ts'
import type { Photo, PhotoFilter, PhotoWithTimeline, ProjectImage } from './shapes.ts'
import type { paths } from './types.ts'
import { type Progress, postForm } from './upload.ts'
import { openWait } from './wait.ts'

export { PhotoProcessorError, unwrap } from './errors.ts'
export type { StreamEvent } from './events.ts'
export type { Photo, PhotoEvent, PhotoFilter, PhotoWithTimeline, ProjectImage } from './shapes.ts'
export type { paths } from './types.ts'
export { verifyWebhook } from './webhook.ts'

export type ClientOptions = {
  /** Where the service is, such as `https://photos.example.com`. */
  baseUrl: string
  /** A key or an access token; or a function that gets a current one for each request. */
  key?: Key
  fetch?: typeof fetch
  /** How often a request that may be repeated is sent again; 2 unless told. */
  retries?: number
}

export type UploadOptions = {
  project: number
  /** The file's own name unless told. */
  name?: string
  onProgress?: (progress: Progress) => void
  signal?: AbortSignal
}

export type ProcessOptions = {
  project?: number
  /** Called with each photo as it is completed or failed. */
  onDone?: (photo: PhotoWithTimeline) => void
  signal?: AbortSignal
}

/** Most photos of a request, and how many are waited for at a time. */
const BATCH = 1_000
const WAITS = 4

export type Client = ReturnType<typeof createClient>

/** A client of a service. Calls reject with `PhotoProcessorError` where they are refused; those of `api` resolve as `openapi-fetch` does. */
export function createClient({ baseUrl, key, retries = 2, ...options }: ClientOptions) {
  const base = baseUrl.replace(/\/+$/, '')
  const send = openSend(key, options.fetch ?? ((request) => globalThis.fetch(request)), retries)
  const api: Api<paths> = createApi<paths>({ baseUrl: base, fetch: send })
  const once = () => ({ 'idempotency-key': crypto.getRandomValues(new Uint32Array(4)).join('-') })

  const show = (uuid: string, signal: AbortSignal, wait?: number): Promise<PhotoWithTimeline> =>
    unwrap(api.GET('/photos/{uuid}', { params: { path: { uuid }, query: { wait } }, signal }))

  /** The events of a project, as they happen, over as many connections as it takes. */
  const events = (project: number, options: FollowOptions = {}): AsyncGenerator<StreamEvent> =>
    follow(send, `${base}/projects/${project}/events`, options)

  const wait = openWait(show, (project, signal, onOpen) => events(project, { signal, onOpen }))

  return {
    api,
    events,

    /** The URL of a stored file by its path, such as `url` of a thumbnail. */
    fileUrl: (path: string): string => `${base}/files/${path}`,

    /** Photos of every door, newest first, over all pages. */
    photos: (filter: PhotoFilter = {}): AsyncGenerator<Photo> =>
      pages((after) => unwrap(api.GET('/photos', { params: { query: { ...filter, after } } }))),

    /** Images of a project with their versions, newest first, over all pages. */
    images: (project: number): AsyncGenerator<ProjectImage> =>
      pages(async (after) => {
        const params = { path: { id: project }, query: { after } }
        const { images, next } = await unwrap(api.GET('/projects/{id}/images', { params }))
        return { items: images, next }
      }),

    /** Uploads a file through an upload link, and resolves when the service has it. */
    async upload(
      file: Blob | ReadableStream<Uint8Array<ArrayBuffer>>,
      { project, name, onProgress, signal }: UploadOptions,
    ): Promise<{ uuid: string }> {
      const blob = file instanceof Blob ? file : await new Response(file).blob()
      const filename = name ?? (file as { name?: string }).name ?? 'photo'
      const body = { filename, project_id: project }
      const params = { header: once() }
      const {
        image_id,
        upload_link,
        params: fields,
      } = await unwrap(api.POST('/images', { body, params, signal }))
      await postForm({ url: upload_link, fields, file: blob, name: filename }, onProgress, signal)
      const path = { image_id }
      await unwrap(api.POST('/images/{image_id}/uploaded', { params: { path }, signal }))
      return { uuid: image_id }
    },

    /** Adds photos by their URLs, has them processed, and resolves with them when all are completed or failed. */
    async process(
      urls: readonly string[],
      { project, onDone, signal }: ProcessOptions = {},
    ): Promise<Photo[]> {
      const uuids: string[] = []
      for (let i = 0; i < urls.length; i += BATCH) {
        const body = { urls: urls.slice(i, i + BATCH), project_id: project, process: true }
        const added = await unwrap(api.POST('/photos', { body, params: { header: once() }, signal }))
        uuids.push(...[added].flat().map(({ uuid }) => uuid))
      }
      const photos: Photo[] = []
      const left = uuids.entries()
      const waits = Array.from({ length: WAITS }, async () => {
        for (const [i, uuid] of left) {
          const photo = await wait(uuid, signal)
          photos[i] = photo
          onDone?.(photo)
        }
      })
      await Promise.all(waits)
      return photos
    },

    /** Resolves with a photo when it is completed or failed. */
    wait: (uuid: string, { signal }: { signal?: AbortSignal } = {}): Promise<PhotoWithTimeline> =>
      wait(uuid, signal),
  }
}

/** All items of a list, page by page. */
async function* pages<T>(
  read: (after: string | undefined) => Promise<{ items: T[]; next: string | null }>,
): AsyncGenerator<T> {
  let after: string | undefined
  do {
    const { items, next } = await read(after)
    yield* items
    after = next ?? undefined
  } while (after)
}
