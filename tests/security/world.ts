import { uuidv7 } from 'uuidv7'
import type { App } from '../../lib/app.ts'
import { createUpload } from '../../lib/photos/uploads.ts'
import { originalKey, renditionKey } from '../../lib/storage/port.ts'
import { insertPhoto } from '../functions/support.ts'
import { jpeg, sample } from '../support/images.ts'

/** What names of photos of project 1 contain, and no answer to others may. */
export const MARK = 'of-project-one'

/** A source whose query is a secret. */
export const SOURCE = 'https://example.com/a.jpg?token=hush'

export type Photo = { uuid: string; path: string }

/** What there is in a service, for whoever may see it. */
export type World = Awaited<ReturnType<typeof makeWorld>>

/** Photos of project 1, and how to make more of them. */
export async function makeWorld(app: App) {
  const image = await jpeg(sample(64, 48))
  const done = await makePhoto(app, 1, image)
  return {
    app,
    image,
    done,
    /** A photo that may be changed, or removed. */
    fresh: () => insertPhoto(app, { project_id: 1, name: MARK, door: 'projects', url: SOURCE }),
    /** An image that has an upload link, and none of its bytes. */
    async upload() {
      const owner = { projectId: 1, keyId: null }
      return createUpload(app, { filename: MARK, owner, maxBytes: 1_000_000 })
    },
    /** One whose bytes have come. */
    async uploaded() {
      const uuid = uuidv7()
      const url = originalKey(uuid)
      await app.storage.put(url, image)
      return insertPhoto(app, { uuid, url, project_id: 1, name: MARK, door: 'projects', status: 'init' })
    },
  }
}

/** A completed photo of a project, with an image. */
export async function makePhoto(
  app: Pick<App, 'db' | 'storage'>,
  project: number | null,
  image: Uint8Array,
): Promise<Photo> {
  const uuid = uuidv7()
  const path = `${uuid.slice(-2)}/${uuid}.jpg`
  const original = originalKey(uuid)
  await app.storage.put(renditionKey(path), image)
  await app.storage.put(original, image)
  await insertPhoto(app, {
    uuid,
    url: original,
    project_id: project,
    name: project === 1 ? MARK : `of-project-${project}`,
    door: 'projects',
    status: 'completed',
    metadata: JSON.stringify({ width: 64, height: 48, format: 'jpeg', bytes: 9, contentType: 'image/jpeg' }),
  })
  await app.db
    .insertInto('photo_thumbnails')
    .values({
      uuid: uuidv7(),
      photo_uuid: uuid,
      name: 'thumb',
      width: 64,
      height: 48,
      url: path,
      format: 'jpeg',
      bytes: image.length,
    })
    .execute()
  return { uuid, path }
}
