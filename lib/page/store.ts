import { FIRST_PAGE, type Photo, type Refusal, type Result, type Retry, request } from './api.ts'
import { perFrame, spaced } from './dom.ts'
import { type Filters, matches, toQuery } from './filters.ts'
import type { PhotoEvent } from './socket.ts'

type Page = { items: Photo[]; next: string | null }

const NEXT_PAGE = 300
/** The most that one request may list. */
const MAX_PAGE = 1000

/** How far the times of a photo and of an event about it may differ, in ms. */
const SKEW_MS = 2_000

/**
 * The photos that the page knows, and which of them the list shows: those that fit the filters, newest first, as far as
 * they have been read. One that ceases to fit stays until the list is read anew, so that nothing vanishes under a
 * visitor's hand. `onChange` is called at most once per frame.
 */
export function openStore(currentFilters: () => Filters, onChange: () => void) {
  const photos = new Map<string, Photo>()
  const members = new Set<string>()
  let listed: string[] = []
  let query: Record<string, string> = {}
  let next: string | null = null
  let state: 'loading' | 'ready' | Refusal = 'loading'
  let reading = new AbortController()
  /** Events that came before the list did. */
  let buffered: PhotoEvent[] | undefined = []
  const changed = perFrame(onChange)

  const read = (limit: number, after?: string): Promise<Result<Page>> => {
    const parameters = new URLSearchParams({ ...query, limit: String(limit), ...(after && { after }) })
    return request('GET', `/photos?${parameters}`, undefined, reading.signal)
  }

  /** An event is newer than an answer that was on its way. */
  const put = (photo: Photo) => {
    const known = photos.get(photo.uuid)
    if (known && isLater(known.updated_at, photo.updated_at)) return
    photos.set(photo.uuid, photo)
    changed()
  }

  const show = (uuids: readonly string[]) => {
    const fresh = uuids.filter((uuid) => !members.has(uuid))
    if (fresh.length === 0) return
    for (const uuid of fresh) members.add(uuid)
    const key = (uuid: string) => `${photos.get(uuid)?.created_at ?? ''}/${uuid}`
    const keyed = [...listed, ...fresh].map((uuid) => ({ uuid, key: key(uuid) }))
    listed = keyed.sort((a, b) => (a.key < b.key ? 1 : -1)).map(({ uuid }) => uuid)
    changed()
  }

  const forget = () => {
    members.clear()
    listed = []
  }

  const take = (page: Page) => {
    // A file that is just being uploaded may yet be refused, and then no event follows.
    const known = page.items.filter(({ door, status }) => door !== 'page' || status !== 'init')
    for (const photo of known) put(photo)
    show(known.map(({ uuid }) => uuid))
  }

  /** Reads the list from its beginning; resolves to the event from which on it may lack something, or undefined where it failed. */
  const load = async (): Promise<string | undefined> => {
    reading.abort()
    reading = new AbortController()
    const { signal } = reading
    query = toQuery(currentFilters())
    state = 'loading'
    buffered = []
    changed()
    const result = await read(FIRST_PAGE)
    if (signal.aborted) return undefined
    state = result.ok ? 'ready' : result
    changed()
    if (!result.ok) return undefined
    photos.clear()
    forget()
    next = result.value.next
    take(result.value)
    const missed = buffered
    buffered = undefined
    for (const event of missed) apply(event)
    return result.cursor
  }

  /** Reads the next page, if there is one and none is being read. */
  const more = async () => {
    if (next === null || state === 'loading') return
    const { signal } = reading
    state = 'loading'
    const result = await read(NEXT_PAGE, next)
    if (signal.aborted) return
    state = result.ok ? 'ready' : result
    if (result.ok) {
      next = result.value.next
      take(result.value)
    }
    changed()
  }

  let cost = 0
  /** Reads again what is shown, for photos that came from elsewhere; where all are new the list begins with them. */
  const refresh = spaced(
    () => Math.max(1_000, cost * 5),
    async () => {
      const start = performance.now()
      const { signal } = reading
      const result = await read(Math.min(members.size + FIRST_PAGE, MAX_PAGE))
      cost = performance.now() - start
      if (signal.aborted || !result.ok) return
      const { items, next: end } = result.value
      if (end !== null && !items.some(({ uuid }) => members.has(uuid))) forget()
      if (members.size <= items.length) next = end
      take(result.value)
    },
  )

  const apply = (event: PhotoEvent) => {
    const { subject: uuid, type, time, data } = event
    const photo = photos.get(uuid)
    if (buffered && !photo) return void buffered.push(event)
    if (type === 'image.deleted') return remove(uuid)
    const { status, thumbnails } = data
    const retry = retryOf(data)
    const error = retry ? null : data.error
    if (!photo) return query.status === undefined || query.status === status ? refresh() : undefined
    if (isLater(photo.updated_at, time)) return
    const [updated_at = time] = [time, photo.updated_at].toSorted().reverse()
    const changed = { ...photo, status, error, retry, thumbnails, updated_at }
    put(changed)
    if (matches(changed, currentFilters())) show([uuid])
  }

  const remove = (uuid: string) => {
    photos.delete(uuid)
    if (members.delete(uuid)) listed = listed.filter((other) => other !== uuid)
    changed()
  }

  return {
    photo: (uuid: string) => photos.get(uuid),
    listed: () => listed,
    state: () => state,
    hasMore: () => next !== null,
    load,
    more,
    apply,
    remove,
    /** Photos of this page's own making. */
    add(added: readonly Photo[]) {
      for (const photo of added) put(photo)
      show(added.filter((photo) => matches(photo, currentFilters())).map(({ uuid }) => uuid))
    },
    /**
     * To be called before processing is requested; returns what marks the photos that were accepted. Events of them that came
     * meanwhile are newer.
     */
    queueing() {
      const before = new Map(photos)
      return (uuids: Iterable<string>) => {
        for (const uuid of uuids) {
          const photo = photos.get(uuid)
          if (!photo || photo !== before.get(uuid)) continue
          // Later than answers that are on their way, and earlier than any event that follows.
          const updated_at = new Date(Date.parse(photo.updated_at) + SKEW_MS + 1).toISOString()
          const queued = { status: 'pending', error: null, retry: null, attempts: 0 } as const
          put({ ...photo, ...queued, thumbnails: [], updated_at })
        }
      }
    },
  }
}

/** What an event says of a retry; null where it is of something else. */
function retryOf({ attempt, max_attempts, next_attempt_at, error }: PhotoEvent['data']): Retry | null {
  const isRetry = error !== null && attempt !== undefined && max_attempts !== undefined
  return isRetry && next_attempt_at !== undefined ? { attempt, max_attempts, next_attempt_at, error } : null
}

export type Store = ReturnType<typeof openStore>

const isLater = (one: string, other: string) => Date.parse(one) > Date.parse(other) + SKEW_MS
