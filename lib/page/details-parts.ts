import { imageUrl, type Photo, type PhotoWithTimeline, type TimelineEvent } from './api.ts'
import { h } from './dom.ts'
import {
  formatBytes,
  formatDateTime,
  formatDecimal,
  formatDuration,
  formatInstant,
  formatNumber,
  formatSize,
} from './format.ts'

/** The images there are of a photo, each with its size and a link. */
export function versionsOf(photo: Photo): HTMLElement {
  const { metadata, thumbnails, url } = photo
  const row = (name: string, size: string, href: string, action = 'Open') =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, name),
      h('td', {}, size),
      h(
        'td',
        {},
        h('a', { href, target: '_blank', rel: 'noreferrer', 'aria-label': `${action} ${name}` }, action),
      ),
    )
  const original = originalOf(url)
  const size =
    typeof metadata?.width === 'number' && typeof metadata.height === 'number'
      ? formatSize(metadata.width, metadata.height)
      : ''
  const rows = thumbnails
    .toSorted((a, b) => b.width - a.width)
    .map((version) => row(version.name, formatSize(version.width, version.height), imageUrl(photo, version)))
  // A stored original is served as bytes, whatever it says it is.
  const isStored = original?.startsWith('/files/')
  if (original) rows.unshift(row('original', size, original, isStored ? 'Download' : 'Open'))
  return section(
    'Versions',
    rows.length > 0 ? h('table', {}, h('tbody', {}, ...rows)) : h('p', { class: 'note' }, 'None yet.'),
  )
}

/** Where the source is: elsewhere, or a stored original. */
function originalOf(url: string): string | undefined {
  if (url.startsWith('originals/')) return `/files/${url}`
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) ? url : undefined
}

/** What is known of the source and its camera. */
export function factsOf(photo: Photo): HTMLElement {
  const { metadata } = photo
  const exif = (metadata?.exif ?? {}) as Record<string, unknown>
  const number = (value: unknown, show: (value: number) => string) =>
    typeof value === 'number' ? show(value) : undefined
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const place = exif.gps as { latitude: number; longitude: number } | undefined
  const facts: [string, string | undefined][] = [
    ['Added', formatDateTime(photo.created_at)],
    ['Format', text(metadata?.format)?.toUpperCase()],
    ['Size', number(metadata?.bytes, formatBytes)],
    ['Attempts', photo.attempts > 0 ? formatNumber(photo.attempts) : undefined],
    ['Taken', text(exif.taken_at) && formatDateTime(String(exif.taken_at))],
    ['Camera', [text(exif.make), text(exif.model)].filter(Boolean).join(' ') || undefined],
    ['Lens', text(exif.lens)],
    ['Exposure', number(exif.exposure_time, formatExposure)],
    ['Aperture', number(exif.f_number, (value) => `f/${formatDecimal(value)}`)],
    ['ISO', number(exif.iso, formatNumber)],
    ['Focal length', number(exif.focal_length, (value) => `${formatDecimal(value)} mm`)],
    ['Place', place && `${formatDegrees(place.latitude)}, ${formatDegrees(place.longitude)}`],
    ['Id', photo.uuid],
    ['Source', photo.url.startsWith('originals/') ? undefined : photo.url],
  ]
  const known = facts.filter(([, value]) => value !== undefined)
  return section(
    'About',
    h('dl', {}, ...known.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
  )
}

const formatExposure = (seconds: number) =>
  seconds >= 0.4 ? `${formatDecimal(seconds)} s` : `1/${formatNumber(Math.round(1 / seconds))} s`

const degrees = new Intl.NumberFormat(undefined, { minimumFractionDigits: 5, maximumFractionDigits: 5 })
const formatDegrees = (value: number) => `${degrees.format(value)}°`

const HAPPENED: Record<string, string> = {
  'image.created': 'Added',
  'image.queued': 'Queued',
  'image.processing': 'Processing',
  'image.retrying': 'Attempt failed',
  'image.uploaded': 'Completed',
  'image.failed': 'Failed',
}

/** Everything that happened, with attempts and how long each took. */
export function timelineOf({ timeline }: PhotoWithTimeline): HTMLElement {
  const items = timeline.map((event, index) => {
    const took = tookOf(event, timeline.slice(0, index))
    return h(
      'li',
      { 'data-type': event.type },
      h('time', { datetime: event.at, title: formatDateTime(event.at) }, formatInstant(event.at)),
      h(
        'span',
        {},
        HAPPENED[event.type] ?? event.type,
        event.attempt && index > 0 ? ` · attempt ${formatNumber(event.attempt)}` : '',
      ),
      took === undefined ? undefined : h('span', { class: 'took' }, took),
      event.detail ? h('span', { class: 'detail' }, event.detail) : undefined,
    )
  })
  return section('Timeline', h('ol', { class: 'timeline' }, ...items))
}

/** What ends an attempt took as long as since it began; what begins one waited since it was queued. */
function tookOf(event: TimelineEvent, earlier: TimelineEvent[]): string | undefined {
  const since = (type: string) => earlier.findLast((other) => other.type === type)
  if (event.type === 'image.created') return undefined
  const begun = since(event.type === 'image.processing' ? 'image.queued' : 'image.processing')
  const isRetry = earlier.at(-1)?.type === 'image.retrying'
  const ends = event.type !== 'image.queued' || (event.attempt !== null && !isRetry)
  if (!begun || !ends) return undefined
  const duration = formatDuration(Math.max(0, Date.parse(event.at) - Date.parse(begun.at)))
  return event.type === 'image.processing' ? `waited ${duration}` : `took ${duration}`
}

function section(title: string, content: HTMLElement): HTMLElement {
  return h('section', {}, h('h3', {}, title), content)
}
