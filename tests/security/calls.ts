import { loadAssets } from '../../lib/http/page-assets.ts'
import { ADMIN_KEY, idOf, makeKey } from './credentials.ts'
import { MARK, SOURCE, type World } from './world.ts'

/** A request for something of project 1. */
export type Call = { path: string; body?: object; form?: FormData | Blob }

/** `ok`: what the answer is to who may; `foreign`: to who may do it elsewhere. Without the latter the endpoint is public. */
export type Calling = { ok: number; foreign?: number; call: (world: World) => Call | Promise<Call> }

/** How each endpoint is called, by its method and path: a new one that is not here fails the test. */
export const CALLS: Record<string, Calling> = {
  'GET /photos/pending': { ok: 200, foreign: 200, call: () => ({ path: '/photos/pending' }) },
  'POST /photos/process': {
    ok: 202,
    foreign: 202,
    call: async ({ fresh }) => ({ path: '/photos/process', body: [await fresh()] }),
  },
  'POST /photos/reprocess': {
    ok: 202,
    foreign: 202,
    call: () => ({ path: '/photos/reprocess', body: { filter: { name: 'nobody' } } }),
  },
  'POST /photos': {
    ok: 201,
    foreign: 404,
    call: () => ({ path: '/photos', body: { url: SOURCE, project_id: 1 } }),
  },
  'DELETE /photos': {
    ok: 202,
    foreign: 202,
    call: () => ({ path: '/photos', body: { filter: { name: 'nobody' } } }),
  },
  'GET /photos': { ok: 200, foreign: 200, call: () => ({ path: '/photos' }) },
  'GET /photos/:uuid': { ok: 200, foreign: 404, call: ({ done }) => ({ path: `/photos/${done.uuid}` }) },
  'PATCH /photos/:uuid': {
    ok: 200,
    foreign: 404,
    call: async ({ fresh }) => ({ path: `/photos/${await fresh()}`, body: { labels: { album: 'new' } } }),
  },
  'DELETE /photos/:uuid': {
    ok: 204,
    foreign: 404,
    call: async ({ fresh }) => ({ path: `/photos/${await fresh()}` }),
  },
  'POST /api/v1/images/process': {
    ok: 202,
    foreign: 404,
    call: () => ({
      path: '/api/v1/images/process',
      body: { imageUrl: SOURCE, transformations: [], project_id: 1 },
    }),
  },
  'GET /api/v1/images/jobs/:jobId': {
    ok: 200,
    foreign: 404,
    call: ({ done }) => ({ path: `/api/v1/images/jobs/${done.uuid}` }),
  },
  'POST /v1/images': {
    ok: 202,
    foreign: 404,
    call: () => ({ path: '/v1/images', body: { url: SOURCE, project_id: 1 } }),
  },
  'POST /v1/images/batch': {
    ok: 202,
    foreign: 404,
    call: () => ({ path: '/v1/images/batch', body: { urls: [SOURCE], project_id: 1 } }),
  },
  'GET /v1/images': { ok: 200, foreign: 200, call: () => ({ path: '/v1/images' }) },
  'GET /v1/images/:id': { ok: 200, foreign: 404, call: ({ done }) => ({ path: `/v1/images/${done.uuid}` }) },
  'GET /v1/images/:id/thumbnail': {
    ok: 200,
    foreign: 404,
    call: ({ done }) => ({ path: `/v1/images/${done.uuid}/thumbnail` }),
  },
  'GET /v1/metrics': { ok: 200, foreign: 200, call: () => ({ path: '/v1/metrics' }) },
  'GET /v1/healthz': { ok: 200, call: () => ({ path: '/v1/healthz' }) },
  'POST /images': {
    ok: 201,
    foreign: 404,
    call: () => ({ path: '/images', body: { filename: MARK, project_id: 1 } }),
  },
  'POST /uploads': {
    ok: 204,
    async call({ upload, image }) {
      const { form } = await upload()
      return { path: '/uploads', form: formOf(form.fields, 'file', image) }
    },
  },
  'PUT /uploads': {
    ok: 200,
    async call({ upload, image }) {
      const { form } = await upload()
      return { path: `/uploads${new URL(form.url).search}`, form: new Blob([new Uint8Array(image)]) }
    },
  },
  'POST /images/:image_id/uploaded': {
    ok: 202,
    foreign: 404,
    call: async ({ uploaded }) => ({ path: `/images/${await uploaded()}/uploaded` }),
  },
  'GET /projects/:id/images': { ok: 200, foreign: 404, call: () => ({ path: '/projects/1/images' }) },
  'GET /projects/:id/quota': { ok: 200, foreign: 404, call: () => ({ path: '/projects/1/quota' }) },
  'PUT /projects/:id/quota': {
    ok: 200,
    foreign: 404,
    call: () => ({ path: '/projects/1/quota', body: { waiting: 1_000_000 } }),
  },
  // What became of each file stands in the answer.
  'POST /upload': {
    ok: 202,
    foreign: 202,
    call: ({ image }) => ({ path: '/upload', form: formOf({ project_id: '1' }, 'image', image) }),
  },
  'POST /': {
    ok: 202,
    foreign: 202,
    call: ({ image }) => ({ path: '/', form: formOf({ project_id: '1' }, 'image_data', image) }),
  },
  'GET /images/:nickname': {
    ok: 200,
    foreign: 404,
    call: ({ done }) => ({ path: `/images/${done.uuid}` }),
  },
  'GET /images/:uuid/content': {
    ok: 200,
    foreign: 404,
    call: ({ done }) => ({ path: `/images/${done.uuid}/content` }),
  },
  'GET /photos/stats': { ok: 200, foreign: 200, call: () => ({ path: '/photos/stats' }) },
  'GET /files/*': { ok: 200, foreign: 404, call: ({ done }) => ({ path: `/files/${done.path}` }) },
  'GET /keys': { ok: 200, foreign: 200, call: () => ({ path: '/keys' }) },
  'POST /keys': {
    ok: 201,
    foreign: 404,
    call: () => ({ path: '/keys', body: { name: 'new', scopes: ['read'], projects: [1] } }),
  },
  'DELETE /keys/:id': {
    ok: 204,
    foreign: 404,
    call: async ({ app }) => ({ path: `/keys/${idOf(await makeKey(app))}` }),
  },
  'POST /tokens': {
    ok: 201,
    foreign: 404,
    call: () => ({ path: '/tokens', body: { project_id: 1, scopes: ['write'] } }),
  },
  'POST /session': { ok: 204, call: () => ({ path: '/session', body: { key: ADMIN_KEY } }) },
  'DELETE /session': { ok: 204, call: () => ({ path: '/session' }) },
  'GET /': { ok: 200, call: () => ({ path: '/' }) },
  'GET /assets/:version/:name': {
    ok: 200,
    async call() {
      const { version, byName } = await loadAssets()
      return { path: `/assets/${version}/${[...byName.keys()][0]}` }
    },
  },
  'GET /health': { ok: 200, call: () => ({ path: '/health' }) },
  'GET /livez': { ok: 200, call: () => ({ path: '/livez' }) },
  'GET /healthz': { ok: 200, call: () => ({ path: '/healthz' }) },
  'GET /readyz': { ok: 200, call: () => ({ path: '/readyz' }) },
  'GET /metrics': { ok: 200, foreign: 200, call: () => ({ path: '/metrics' }) },
  // Whoever may open a socket is told that this is one.
  'GET /ws': { ok: 426, foreign: 426, call: () => ({ path: '/ws' }) },
  'GET /projects/:id/events': { ok: 200, foreign: 404, call: () => ({ path: '/projects/1/events' }) },
}

function formOf(fields: Record<string, string>, name: string, image: Uint8Array): FormData {
  const form = new FormData()
  for (const [field, value] of Object.entries(fields)) form.append(field, value)
  form.append(name, new Blob([new Uint8Array(image)]), 'a.jpg')
  return form
}
