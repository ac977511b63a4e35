import { openLinks } from '../../../../lib/access/links.ts'
import { openSigning } from '../../../../lib/access/signing.ts'
import type { App } from '../../../../lib/app.ts'
import { awayError } from '../../../../lib/away.ts'
import type { ErrorCode } from '../../../../lib/errors.ts'
import { originalKey } from '../../../../lib/storage/port.ts'
import { getRaw, insertPhoto, withServer } from '../../../functions/support.ts'
import { type Sent, send } from './recorder.ts'

/** Services that refuse: one that wants keys, and one that is open, with small limits. */
export type Place = { app: App; url: string; key: string; reader: string; open: { app: App; url: string } }

/** The environment of the open one. */
export const SMALL = { DUPLICATE_HANDLING: 'reject-active', MAX_SOURCE_BYTES: '1000' }

const UUID = '01a208fa-d379-72a3-9e61-aaf487ae54bf'
const URL_OF_SOURCE = 'https://example.com/photo.jpg'

/** How each code comes about; the last answer is the problem. */
type Provoke = (place: Place) => Promise<string>

/** Sends a request to an operation with the key of scope `admin`. */
const call =
  (operation: string, sent: Sent | ((place: Place) => Promise<Sent>)): Provoke =>
  async (place) => {
    const given = typeof sent === 'function' ? await sent(place) : sent
    const headers = { authorization: `Bearer ${place.key}`, ...given.headers }
    return (await send(place.url, operation, { ...given, headers })).text
  }

/** The same twice. */
const twice =
  (provoke: Provoke): Provoke =>
  async (place) => {
    await provoke(place)
    return provoke(place)
  }

const text = async (url: string, init: RequestInit = {}) => (await fetch(url, init)).text()

/** The form of an upload link of the open service. */
async function linkOf({ open }: Place) {
  const { text } = await send(open.url, 'createUpload', { body: { filename: 'a.jpg', project_id: 111 } })
  return JSON.parse(text) as { image_id: string; params: Record<string, string> }
}

const upload = async (place: Place, file: Uint8Array, params?: Record<string, string>) => {
  const form = { ...(params ?? (await linkOf(place)).params), file: 'a.jpg' }
  return (await send(place.open.url, 'takeUpload', { form, file })).text
}

/** An answer of a service whose cache fails. */
const failing =
  (error: Error): Provoke =>
  ({ open: { app } }) => {
    const contents = { ...app.contents, find: () => Promise.reject(error) }
    return withServer({ ...app, contents }, (url) => text(`${url}/images/${UUID}/content`))
  }

export const PROVOKED: Partial<Record<ErrorCode, Provoke>> = {
  'malformed-json': call('addPhotos', { body: '{' }),
  'malformed-request': ({ open }) =>
    text(`${open.url}/upload`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
      body: '--x\r\ncut off',
    }),
  unauthorized: ({ url }) => text(`${url}/photos`),
  forbidden: call('addPhotos', async ({ reader }) => ({
    body: { url: URL_OF_SOURCE },
    headers: { authorization: `Bearer ${reader}` },
  })),
  'link-invalid': ({ url }) => text(`${url}/files/00/${UUID}.jpg?exp=99999999999&kid=k1&sig=wrong`),
  'link-expired': async ({ app, url }) => {
    const expired = openLinks(openSigning(app.db, app.config), { auth: 'keys', linkTtlMs: -7_200_000 })
    return text(`${url}/files/${(await expired.signer())(`00/${UUID}.jpg`)}`)
  },
  'foreign-origin': call('addPhotos', {
    body: { url: URL_OF_SOURCE },
    headers: { origin: 'https://elsewhere.example' },
  }),
  'behind-a-proxy': ({ open }) => text(`${open.url}/photos`, { headers: { 'x-forwarded-for': '192.0.2.1' } }),
  'unknown-host': async ({ open }) => (await getRaw(open.url, '/photos', { host: 'elsewhere.example' })).body,
  'upload-refused': (place) => upload(place, new Uint8Array(9), { key: 'a', policy: 'b', signature: '00' }),
  'upload-expired': async (place) => {
    const limits = { maxBytes: 9, expiresAt: new Date(0) }
    const { fields } = await place.open.app.storage.signUpload(originalKey(UUID), limits)
    return upload(place, new Uint8Array(9), fields)
  },
  'not-found': call('showPhoto', { params: { uuid: UUID } }),
  'already-active': twice(
    async ({ open }) => (await send(open.url, 'submitImage', { body: { url: URL_OF_SOURCE } })).text,
  ),
  'already-processing': call('removePhoto', async ({ app }) => ({
    params: { uuid: await insertPhoto(app, { status: 'processing' }) },
  })),
  'already-uploaded': async (place) => {
    const { params } = await linkOf(place)
    await upload(place, new Uint8Array(9), params)
    return upload(place, new Uint8Array(9), params)
  },
  'not-uploaded': async (place) => {
    const { image_id } = await linkOf(place)
    return (await send(place.open.url, 'confirmUpload', { params: { image_id } })).text
  },
  'body-too-large': call('addPhotos', { body: `"${'x'.repeat(4 * 1024 * 1024)}"` }),
  'form-too-large': async ({ open }) =>
    (await send(open.url, 'uploadPhotos', { form: { image: 'a.jpg' }, file: new Uint8Array(30_000) })).text,
  'too-many-files': async ({ open }) => {
    const fields = Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`field${i}`, 'x']))
    return (await send(open.url, 'uploadPhotos', { form: fields })).text
  },
  'unsupported-media-type': call('addPhotos', { body: 'url=x', headers: { 'content-type': 'text/plain' } }),
  'idempotency-key-reused': async (place) => {
    const headers = { 'idempotency-key': 'order-4711' }
    await call('addPhotos', { body: { url: URL_OF_SOURCE }, headers })(place)
    return call('addPhotos', { body: { url: `${URL_OF_SOURCE}?2` }, headers })(place)
  },
  invalid: call('addPhotos', { body: { url: URL_OF_SOURCE, colour: 'red' } }),
  'invalid-upload': async ({ open }) =>
    (await send(open.url, 'uploadPhotos', { form: { nickname: 'holiday' } })).text,
  'rate-limited': async (place) => {
    const made = await call('createKey', {
      body: { name: 'slow', scopes: ['read'], projects: '*', rate_limit: 1 },
    })(place)
    const headers = { authorization: `Bearer ${(JSON.parse(made) as { key: string }).key}` }
    return twice(call('listPhotos', { headers }))(place)
  },
  'quota-exceeded': async (place) => {
    await call('setQuota', { params: { id: 112 }, body: { photos_per_day: 0 } })(place)
    return call('addPhotos', { body: { url: URL_OF_SOURCE, project_id: 112 } })(place)
  },
  'upgrade-required': ({ open }) => text(`${open.url}/ws`),
  'blocked-address': call('addPhotos', { body: { url: 'http://10.0.0.1/photo.jpg' } }),
  'invalid-source': call('addPhotos', { body: { url: 'ftp://example.com/photo.jpg' } }),
  'too-costly': call('submitJob', {
    body: {
      imageUrl: URL_OF_SOURCE,
      transformations: Array.from({ length: 20 }, (_, i) => `resize:${9000 + i}x5000`),
    },
  }),
  'too-many-bytes': (place) => upload(place, new Uint8Array(5_000)),
  'empty-source': (place) => upload(place, new Uint8Array()),
  'internal-fault': failing(new Error('a fault')),
  'database-unavailable': failing(awayError('database-unavailable', new Error('away'))),
  'storage-unavailable': failing(awayError('storage-unavailable', new Error('away'))),
}

/** What takes half a minute, or a race, to come about; the description has no example of it. */
export const NOT_PROVOKED: readonly ErrorCode[] = [
  'body-too-slow',
  'upload-too-slow',
  'idempotency-key-in-use',
  'too-many-sockets',
  'too-many-connections',
]
