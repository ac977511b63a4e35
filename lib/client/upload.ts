import { errorOf, PhotoProcessorError } from './errors.ts'

/** How far an upload is, in bytes of the file. */
export type Progress = { sent: number; total: number }

/** What is handed to a connection at a time, where it is counted. */
const PART_BYTES = 65_536

/** What is posted to an upload link. */
type Form = { url: string; fields: Record<string, string>; file: Blob; name: string }
type Post = (form: Form, report: (sent: number) => void, signal?: AbortSignal) => Promise<Response>

/** What only a page and its workers have; as much of it as is used. */
type Xhr = {
  status: number
  responseText: string
  upload: { onprogress(event: { loaded: number }): void }
  onload(): void
  onerror(): void
  onabort(): void
  open(method: string, url: string): void
  abort(): void
  send(body: FormData): void
}
const { XMLHttpRequest: Xhr } = globalThis as unknown as { XMLHttpRequest?: new () => Xhr }

/** Posts a form to an upload link, the file last, as a service or a bucket takes it. */
export async function postForm(
  form: Form,
  onProgress: ((progress: Progress) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const total = form.file.size
  const post = onProgress ? (Xhr ? postByXhr : postCounted) : postWhole
  const report = (sent: number) => onProgress?.({ sent: Math.min(sent, total), total })
  const response = await post(form, report, signal).catch((cause: unknown) => {
    signal?.throwIfAborted()
    throw new PhotoProcessorError('The upload link cannot be reached', { code: 'unreachable', cause })
  })
  if (!response.ok) throw errorOf(response, await response.json().catch(() => null))
  await response.body?.cancel()
}

function formOf({ fields, file, name }: Form): FormData {
  const form = new FormData()
  for (const [field, value] of Object.entries(fields)) form.append(field, value)
  form.append('file', file, name)
  return form
}

const postWhole: Post = (form, _report, signal) =>
  fetch(form.url, { method: 'POST', body: formOf(form), signal })

/** In a browser nothing else tells how far an upload is. */
const postByXhr: Post = (form, report, signal) =>
  new Promise((resolve, reject) => {
    const request = new (Xhr as new () => Xhr)()
    request.open('POST', form.url)
    request.upload.onprogress = ({ loaded }) => report(loaded)
    request.onload = () => resolve(new Response(request.responseText || null, { status: request.status }))
    request.onerror = request.onabort = () => reject(new Error('The request failed'))
    signal?.addEventListener('abort', () => request.abort())
    request.send(formOf(form))
  })

/** Elsewhere what the connection takes is counted; with the length before it, since a bucket wants to know. */
const postCounted: Post = async (form, report, signal) => {
  const mark = crypto.getRandomValues(new Uint32Array(4)).join('-')
  const marked = await new Response(formOf({ ...form, file: new Blob([mark]) })).text()
  const [before = '', after = ''] = marked.split(mark)
  // Not read before it is sent.
  const body = new Blob([before, form.file, after])
  const overhead = body.size - form.file.size
  let taken = 0
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(to) {
        report(Math.max(0, taken - overhead))
        if (taken === body.size) return to.close()
        const part = await body.slice(taken, taken + PART_BYTES).arrayBuffer()
        taken += part.byteLength
        to.enqueue(new Uint8Array(part))
      },
    },
    { highWaterMark: 0 },
  )
  // Bun does not say it in the headers of the response.
  const type = `multipart/form-data; boundary=${before.slice(2, before.indexOf('\r\n'))}`
  const headers = { 'content-type': type, 'content-length': String(body.size) }
  const options = { method: 'POST', headers, body: stream, signal }
  // Needed for a stream, and unknown to the types of some.
  const half: RequestInit = { duplex: 'half' } as object
  return fetch(form.url, { ...options, ...half })
}
