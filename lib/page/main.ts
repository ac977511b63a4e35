import { MOST } from '../photos/bulk-limits.ts'
import { openAdding } from './adding.ts'
import { openAnnouncer } from './announce.ts'
import { request, titleOf } from './api.ts'
import { openDetails } from './details.ts'
import { byId, setText } from './dom.ts'
import { isFiltered, openFilters, toQuery } from './filters.ts'
import { count } from './format.ts'
import { openGallery } from './gallery.ts'
import { openOverview } from './overview.ts'
import { openSignIn } from './sign-in.ts'
import { type ConnectionState, openSocket, type PhotoEvent } from './socket.ts'
import { openStore } from './store.ts'

const CONNECTION_WORDS: Record<ConnectionState, string> = {
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'Connection lost, trying again',
}

const announcer = openAnnouncer()
const filters = openFilters(() => {
  void load()
  overview.refresh()
})
const store = openStore(filters.current, () => gallery.render())
const overview = openOverview(({ total, failed }) => {
  byId('retry').hidden = failed === 0 || !['', 'failed'].includes(filters.current().status)
  document.body.classList.toggle('empty', total === 0 && store.listed().length === 0)
})
const adding = openAdding(store, announcer, take)

async function processAgain(uuid: string): Promise<void> {
  const photo = store.photo(uuid)
  const markQueued = store.queueing()
  const result = await request<{ accepted: string[] }>('POST', '/photos/process', {
    uuids: [uuid],
    force: true,
  })
  if (!result.ok) return announcer.fault(result)
  markQueued(result.value.accepted)
  announcer.say(`${photo ? titleOf(photo) : 'The photo'} will be processed again`)
  overview.refresh()
}

async function remove(uuid: string): Promise<string | undefined> {
  const result = await request('DELETE', `/photos/${uuid}`)
  if (!result.ok && result.status !== 404) return result.message
  store.remove(uuid)
  announcer.say('Deleted')
  overview.refresh()
  return undefined
}

const details = openDetails({ again: processAgain, remove, closed: (uuid) => gallery.focus(uuid) })
const gallery = openGallery(store, { open: details.open, again: (uuid) => void processAgain(uuid) }, () =>
  isFiltered(filters.current()),
)

const OUTCOMES = { 'image.uploaded': 'completed', 'image.failed': 'failed' } as const

function take(event: PhotoEvent): void {
  if (adding.holds(event)) return
  store.apply(event)
  adding.receive(event)
  details.receive(event)
  overview.refresh()
  const outcome = OUTCOMES[event.type as keyof typeof OUTCOMES]
  if (outcome) announcer.count(outcome)
}

const socket = openSocket({
  onEvent: take,
  onState(state) {
    const element = byId('connection')
    element.dataset.state = state
    setText(element, CONNECTION_WORDS[state])
    // The service is back: what could not be read before can now.
    if (state === 'live' && typeof store.state() !== 'string') void load()
    if (state === 'live') overview.refresh()
  },
  onReset: () => void load(),
  onUnauthorized: () => void load(),
})

/** Reads the list again; the socket sends the events that came in between, from a little before it. */
async function load(): Promise<void> {
  const cursor = await store.load()
  if (cursor) socket.startAt(cursor)
}

byId('retry').addEventListener('click', async () => {
  const filter = { ...toQuery(filters.current()), status: 'failed' }
  const markQueued = store.queueing()
  const result = await request<{ count: number }>('POST', '/photos/reprocess', { filter, at_most: MOST })
  if (!result.ok) return announcer.fault(result)
  const failed = store.listed().filter((uuid) => store.photo(uuid)?.status === 'failed')
  markQueued(failed)
  announcer.say(`${count(result.value.count, 'photo')} will be processed again`)
  overview.refresh()
})

byId<HTMLInputElement>('filters').addEventListener('focusin', () => {
  const codes = new Set(store.listed().flatMap((uuid) => store.photo(uuid)?.error?.code ?? []))
  byId('codes').replaceChildren(...[...codes].sort().map((code) => new Option(code)))
})

async function begin(): Promise<void> {
  const loaded = load()
  overview.refresh()
  await loaded
  const state = store.state()
  // Who has no key yet is told nothing.
  if (typeof state === 'string' || state.status !== 401) socket.connect()
}

openSignIn(() => void begin())
await begin()
