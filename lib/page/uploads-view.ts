import { byId, h, perFrame } from './dom.ts'
import { count, formatBytes, formatNumber } from './format.ts'
import type { Upload, Uploads } from './upload.ts'

/** Rows shown at once; with a thousand files the rest is a number. */
const MAX_ROWS = 6

const ORDER: Record<string, number> = { refused: 0, sending: 1, processing: 2, pending: 3, queued: 4 }

/** Shows how uploads go: all of them as one bar, those that need or get attention one by one. */
export function openUploadsView(uploads: Uploads) {
  const section = byId('uploads')
  const summary = h('p', { class: 'summary' })
  const bar = h('progress', { max: 1, 'aria-label': 'All uploads' })
  const rows = h('ul', { class: 'rows' })
  const rest = h('p', { class: 'note' })
  const again = h('button', { type: 'button', onclick: () => uploads.again(refused()) }, 'Upload all again')
  const dismiss = h(
    'button',
    { type: 'button', onclick: () => uploads.drop(({ state }) => isDone(state)) },
    'Clear',
  )
  const head = h('div', { class: 'head' }, byId('uploads-title'), summary, again, dismiss)
  section.append(head, bar, rows, rest)
  const known = new Map<number, ReturnType<typeof makeRow>>()

  const refused = () => uploads.list().filter(({ state, file }) => state === 'refused' && file)

  const render = () => {
    const list = uploads.list()
    section.hidden = list.length === 0
    const open = list.filter(({ state }) => state !== 'completed' && state !== 'failed')
    const shown = open
      .toSorted((a, b) => (ORDER[a.state] ?? 9) - (ORDER[b.state] ?? 9) || a.id - b.id)
      .slice(0, MAX_ROWS)
    bar.value = list.length > 0 ? list.reduce((sum, upload) => sum + progressOf(upload), 0) / list.length : 0
    bar.hidden = list.every(({ state }) => isDone(state))
    summary.textContent = summarise(list)
    const ids = new Set(shown.map(({ id }) => id))
    for (const [id, row] of known) {
      if (ids.has(id)) continue
      row.node.remove()
      known.delete(id)
    }
    shown.forEach((upload, index) => {
      const row = known.get(upload.id) ?? makeRow(upload, () => uploads.again([upload]))
      known.set(upload.id, row)
      row.update(upload)
      if (rows.children[index] !== row.node) rows.insertBefore(row.node, rows.children[index] ?? null)
    })
    rest.hidden = open.length <= shown.length
    rest.textContent = `and ${count(open.length - shown.length, 'more file')}`
    again.hidden = refused().length < 2
    dismiss.hidden = !list.some(({ state }) => isDone(state))
  }
  return { render: perFrame(render) }
}

const isDone = (state: Upload['state']) => ['completed', 'failed', 'refused'].includes(state)

/** Sending is the first half of the way, processing the second. */
const progressOf = ({ state, sent }: Upload) => (isDone(state) ? 1 : state === 'processing' ? 0.75 : sent / 2)

function summarise(list: readonly Upload[]): string {
  const number = (...states: string[]) => list.filter(({ state }) => states.includes(state)).length
  const stored = number('pending', 'processing', 'completed', 'failed')
  const parts = [
    `${formatNumber(stored)} of ${count(list.length, 'file')} uploaded`,
    `${formatNumber(number('completed'))} completed`,
  ]
  if (number('failed') > 0) parts.push(`${formatNumber(number('failed'))} failed`)
  if (number('refused') > 0) parts.push(`${formatNumber(number('refused'))} not accepted`)
  return parts.join(' · ')
}

const WORDS: Record<Upload['state'], string> = {
  queued: 'Waits to be sent',
  sending: 'Uploading',
  refused: 'Not accepted',
  init: 'Waiting',
  pending: 'Uploaded, waiting',
  processing: 'Processing',
  completed: 'Completed',
  failed: 'Failed',
}

function makeRow({ name, bytes }: Upload, again: () => void) {
  const state = h('span', { class: 'state' })
  const bar = h('progress', { max: 1, 'aria-label': `Upload of ${name}` })
  const button = h(
    'button',
    { type: 'button', onclick: again, 'aria-label': `Upload again: ${name}` },
    'Upload again',
  )
  const node = h(
    'li',
    {},
    h('span', { class: 'name', title: name }, name),
    h('span', { class: 'size' }, formatBytes(bytes)),
    h('div', { class: 'progress' }, bar, state),
    button,
  )
  return {
    node,
    update(upload: Upload) {
      node.dataset.state = upload.state
      bar.hidden = upload.state !== 'sending'
      bar.value = upload.sent
      state.textContent = upload.error ? `${upload.error.code}: ${upload.error.message}` : WORDS[upload.state]
      button.hidden = upload.state !== 'refused'
    },
  }
}
