import type { PhotoStatus } from '../photo-status.ts'

export type Status = PhotoStatus

export type Fault = { code: string; message: string }

/** Why a photo waits for another attempt, and until when. */
export type Retry = { attempt: number; max_attempts: number; next_attempt_at: string; error: Fault }

export type Thumbnail = { uuid: string; name: string; width: number; height: number; url: string }

/** How many photos the list begins with: few, to be there soon. The page's answer has a browser fetch them at once. */
export const FIRST_PAGE = 100

/** A photo as `GET /photos` shows it, as far as the page needs it. */
export type Photo = {
  uuid: string
  url: string
  status: Status
  door: string
  created_at: string
  updated_at: string
  name: string | null
  attempts: number
  metadata: Record<string, unknown> | null
  error: Fault | null
  retry: Retry | null
  thumbnails: Thumbnail[]
}

export type TimelineEvent = {
  id: string
  type: string
  at: string
  attempt: number | null
  detail: string | null
}

export type PhotoWithTimeline = Photo & { timeline: TimelineEvent[] }

export type Stats = Record<Status | 'total', number> & {
  per_minute: { at: string; completed: number; failed: number }[]
}

/** A request that was refused, or (`unreachable`) not answered. */
export type Refusal = Fault & { status: number }

/** Answers are given as values: a page has to show what went wrong, not to throw it. */
export type Result<T> = { ok: true; value: T; date: number; cursor?: string } | ({ ok: false } & Refusal)

export const UNREACHABLE: Refusal = { code: 'unreachable', message: 'The service does not answer', status: 0 }

let onUnauthorized = () => {}

/** Calls `listener` whenever the service wants a credential that the page has not, or no longer. */
export function whenUnauthorized(listener: () => void): void {
  onUnauthorized = listener
}

/**
 * Sends a request to the service; `body` is sent as JSON. `date` of the result is the server's clock, in ms,
 * `cursor` the event from which on a list may lack what happened.
 */
export async function request<T>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Result<T>> {
  try {
    const answer = await fetch(path, {
      method,
      signal: signal ?? null,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    })
    if (!answer.ok) return { ok: false, ...refusalOf(answer.status, await answer.text()) }
    const value = (answer.status === 204 ? undefined : await answer.json()) as T
    const cursor = answer.headers.get('last-event-id')
    const date = Date.parse(answer.headers.get('date') ?? '') || Date.now()
    return { ok: true, value, date, ...(cursor !== null && { cursor }) }
  } catch {
    return { ok: false, ...UNREACHABLE }
  }
}

/** Why a request was refused: a problem (RFC 9457), or whatever a proxy answers. */
export function refusalOf(status: number, text: string): Refusal {
  if (status === 401) onUnauthorized()
  try {
    const { code, detail } = JSON.parse(text) as { code: string; detail: string }
    return { code, message: detail, status }
  } catch {
    return { code: `http-${status}`, message: 'The service gave an answer that makes no sense', status }
  }
}

const PRIMARY = ['thumbnail', 'thumb', 'result']

/** The thumbnail that a list shows. */
export const primaryOf = ({ thumbnails }: Photo): Thumbnail | undefined =>
  PRIMARY.flatMap((name) => thumbnails.find((thumbnail) => thumbnail.name === name) ?? [])[0]

/** Where a rendition is; `updated_at` makes the address another one once the photo has been processed again. */
export const imageUrl = ({ uuid, updated_at }: Photo, { name }: Thumbnail): string =>
  `/images/${uuid}/content?version=${encodeURIComponent(name)}&at=${Date.parse(updated_at)}`

/** What people call a photo: its name, else the end of its URL. */
export function titleOf({ name, url, uuid }: Pick<Photo, 'name' | 'url' | 'uuid'>): string {
  if (name) return name
  if (!URL.canParse(url)) return url.split('/').at(-1) || uuid
  const { pathname, host } = new URL(url)
  const last = pathname.split('/').filter(Boolean).at(-1)
  try {
    return last ? decodeURIComponent(last) : host
  } catch {
    return last ?? host
  }
}
