import { PHOTO_STATUSES } from '../photo-status.ts'
import type { Photo, Status } from './api.ts'
import { byId } from './dom.ts'

/** What the list is narrowed to; an empty text is no filter. Times are as `datetime-local` writes them. */
export type Filters = {
  status: Status | ''
  name: string
  code: string
  since: '' | 'hour' | 'day' | 'week' | 'range'
  from: string
  to: string
}

const EMPTY: Filters = { status: '', name: '', code: '', since: '', from: '', to: '' }

const SPANS_MS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 }

/** How long typing must pause before it filters, in ms. */
const PAUSE_MS = 250

/** The filters as the parameters of `GET /photos`, relative times made absolute. */
export function toQuery(filters: Filters, now = Date.now()): Record<string, string> {
  const { status, name, code, since, from, to } = filters
  const query: Record<string, string> = {}
  if (status) query.status = status
  if (name) query.name = `*${name}*`
  if (code) query.code = code
  if (since === 'range') {
    if (from) query.created_after = new Date(from).toISOString()
    if (to) query.created_before = new Date(Date.parse(to) + 59_999).toISOString()
  } else if (since) query.created_after = new Date(now - SPANS_MS[since]).toISOString()
  return query
}

/** Whether the service would list the photo too. */
export function matches(photo: Photo, filters: Filters): boolean {
  const { name } = filters
  const { status, code, created_after, created_before } = toQuery(filters)
  return (
    (!status || photo.status === status) &&
    (!name || (photo.name ?? '').toLowerCase().includes(name.toLowerCase())) &&
    (!code || photo.error?.code === code) &&
    (!created_after || photo.created_at >= created_after) &&
    (!created_before || photo.created_at <= created_before)
  )
}

export const isFiltered = (filters: Filters): boolean => Object.values(toQuery(filters)).length > 0

/** Binds the form to the address, which keeps the filters over a reload; `onChange` gets them when they differ. */
export function openFilters(onChange: (filters: Filters) => void) {
  const form = byId<HTMLFormElement>('filters')
  const range = byId('range')
  let current = readAddress()
  let timer: number | undefined

  const statuses = [...form.querySelectorAll<HTMLInputElement>('input[name=status]')]
  const show = () => {
    const { status, ...texts } = current
    for (const radio of statuses) radio.checked = radio.value === status
    for (const [name, value] of Object.entries(texts)) {
      const field = form.elements.namedItem(name) as HTMLInputElement
      // Setting what is there already would move the caret of whoever types.
      if (field.value.trim() !== value) field.value = value
    }
    range.hidden = current.since !== 'range'
    byId('clear').hidden = !isFiltered(current)
  }
  const take = (filters: Filters) => {
    clearTimeout(timer)
    const differs = JSON.stringify(filters) !== JSON.stringify(current)
    current = filters
    show()
    if (differs) onChange(filters)
  }
  /** Going back leads to another status, not to every letter of a name. */
  const change = (filters: Filters) => {
    const parameters = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ''))
    const address = parameters.size > 0 ? `?${parameters}` : location.pathname
    if (filters.status === current.status) history.replaceState(null, '', address)
    else history.pushState(null, '', address)
    take(filters)
  }
  const read = () => change(tidy(Object.fromEntries(new FormData(form)) as Partial<Filters>))

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    read()
  })
  form.addEventListener('change', read)
  form.addEventListener('input', () => {
    clearTimeout(timer)
    timer = window.setTimeout(read, PAUSE_MS)
  })
  byId('clear').addEventListener('click', () => {
    change(EMPTY)
    statuses[0]?.focus()
  })
  window.addEventListener('popstate', () => take(readAddress()))
  show()
  return { current: () => current }
}

function readAddress(): Filters {
  return tidy(Object.fromEntries(new URLSearchParams(location.search)) as Partial<Filters>)
}

const STATUSES: readonly string[] = ['', ...PHOTO_STATUSES]

/** An address is written by anyone: what makes no sense is no filter. */
function tidy(given: Partial<Filters>): Filters {
  const text = (name: 'name' | 'code') =>
    String(given[name] ?? '')
      .trim()
      .slice(0, name === 'name' ? 250 : 100)
  const time = (value = '') => (Number.isNaN(Date.parse(value)) ? '' : value)
  const since = ['hour', 'day', 'week', 'range'].includes(given.since ?? '') ? (given.since ?? '') : ''
  return {
    status: STATUSES.includes(given.status ?? '') ? (given.status ?? '') : '',
    name: text('name'),
    code: text('code'),
    since,
    from: since === 'range' ? time(given.from) : '',
    to: since === 'range' ? time(given.to) : '',
  }
}
