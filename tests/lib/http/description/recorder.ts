import { endpoints } from '../../../../functions/index.ts'
import type { Examples, Exchange } from '../../../../lib/http/description/examples.ts'

/** Where the service of the examples is for its clients. */
export const PUBLIC_URL = 'https://photos.example.com'

/** What a case sends; `file` is the content of the form's files. */
export type Sent = Pick<Exchange, 'params' | 'query' | 'body' | 'form'> & {
  file?: Uint8Array
  headers?: Record<string, string>
}

export type Answered = { status: number; body: never; text: string }

/** Records what operations of a service answer. */
export function openRecorder(url: string, headers: Record<string, string>) {
  const operations: Examples['operations'] = {}
  return {
    operations,
    /** Sends a request to an operation, and keeps it with its answer as an example of that name. */
    async record<B>(operation: string, name: string, sent: Sent = {}): Promise<B> {
      const { params, query, body, form } = sent
      const { status, text, isJson } = await send(url, operation, { ...sent, headers })
      if (status >= 400) throw new Error(`${operation} ${name} answered ${status}: ${text}`)
      const answer: unknown = isJson && text !== '' ? JSON.parse(text) : undefined
      operations[operation] ??= {}
      operations[operation][name] = {
        ...(params && { params }),
        ...(query && { query }),
        ...(body !== undefined && { body }),
        ...(form && { form }),
        status,
        ...(answer !== undefined && { answer }),
      }
      return answer as B
    },
  }
}

/** Sends a request to an operation by its name. */
export async function send(
  url: string,
  operation: string,
  { params, query, body, form, file, headers }: Sent,
) {
  const endpoint = endpoints.find(({ name }) => name === operation)
  if (!endpoint) throw new Error(`There is no operation ${operation}`)
  const path = endpoint.path.replace(/:(\w+)|\*/g, (_, name = 'path') => String(params?.[name] ?? ''))
  const search = new URLSearchParams(query as Record<string, string>)
  const answer = await fetch(`${url}${path}${query ? `?${search}` : ''}`, {
    method: endpoint.method,
    redirect: 'manual',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(form && { body: formOf(form, file) }),
  })
  const isJson = /json/.test(answer.headers.get('content-type') ?? '')
  return { status: answer.status, text: await answer.text(), isJson }
}

/** A form whose fields named `file` or `image` are files. */
function formOf(fields: Record<string, unknown>, file: Uint8Array = new Uint8Array()): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (name === 'file' || name === 'image')
        form.append(name, new Blob([one === EMPTY ? '' : new Uint8Array(file)]), String(one))
      else form.append(name, String(one))
    }
  }
  return form
}

/** A file of a form that has no bytes. */
export const EMPTY = 'empty.jpg'

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** Examples without what differs from run to run: ids in the order in which they come, one time for all, no secrets, `hosts` by name. */
export function normalised(examples: Examples, hosts: Readonly<Record<string, string>>): Examples {
  const ids = new Map<string, string>()
  const idFor = (uuid: string) => {
    const known = ids.get(uuid) ?? `01a208fa-d379-72a3-9e61-${String(ids.size + 1).padStart(12, '0')}`
    ids.set(uuid, known)
    return known
  }
  const text = (value: string) =>
    Object.entries(hosts)
      .reduce((changed, [host, name]) => changed.replaceAll(host, name), value)
      .replace(UUID, idFor)
      .replace(/\b[0-9a-f]{2}\/(?=01a208fa-)/g, '00/')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '2026-01-31T12:00:00.000Z')
      .replace(/policy=[\w%]+&signature=[0-9a-f]+/g, 'policy=eyJrZXkiOiJvcmlnaW5hbHMv&signature=5f3c')
      .replace(/exp=\d+&kid=\w+&sig=[\w-]+/g, 'exp=1769868000&kid=k1&sig=Jb2Rq0')
      .replace(/pp_[A-Za-z0-9]+_[\w-]{43}/g, 'pp_k7Qm2x_T0pS3cret')
      .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, 'eyJhbGciOiJIUzI1NiJ9.eyJwIjpbMTExXX0.c2lnbmF0dXJl')
      .replace(
        /\b00-[0-9a-f]{32}-[0-9a-f]{16}-\d\d\b/,
        '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      )
  const walk = (value: unknown, key = ''): unknown => {
    if (typeof value === 'string') return FIXED[key]?.(value) ?? text(value)
    if (Array.isArray(value)) return value.map((part) => walk(part, key))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, walk(part, name)]))
  }
  return walk(examples) as Examples
}

/** Values that differ as a whole, by the name that they have. */
const FIXED: Record<string, (value: string) => string | undefined> = {
  next: () => 'MjAyNi0wMS0zMVQxMjowMDowMC4wMDBa',
  policy: () => 'eyJrZXkiOiJvcmlnaW5hbHMv…',
  signature: () => '5f3c…',
  version: (value) => (/^\d{4}/.test(value) ? '0042_labels.sql' : undefined),
  id: (value) => (/^[A-Za-z0-9]{4,16}$/.test(value) ? 'k7Qm2x' : undefined),
}
