import type { Announcer } from './announce.ts'
import { type Photo, request } from './api.ts'
import { byId, setText } from './dom.ts'
import { filesOf, urlsOf } from './files.ts'
import { count, formatNumber } from './format.ts'
import type { PhotoEvent } from './socket.ts'
import type { Store } from './store.ts'
import { openUploads, type Upload } from './upload.ts'
import { openUploadsView } from './uploads-view.ts'

/** As many addresses as one request takes. */
const MAX_URLS = 1000

/** Everything that adds photos: dropped, chosen and pasted files, pasted addresses. `take` gets buffered events back. */
export function openAdding(store: Store, announcer: Announcer, take: (event: PhotoEvent) => void) {
  const byUuid = new Map<string, Upload>()
  const early = new Map<string, PhotoEvent[]>()
  const release = (uuid: string) => {
    const events = early.get(uuid) ?? []
    early.delete(uuid)
    for (const event of events) take(event)
  }
  const uploads = openUploads(
    (stored) => {
      store.add(stored.map(photoOf))
      for (const upload of stored) {
        byUuid.set(upload.uuid ?? '', upload)
        release(upload.uuid ?? '')
      }
    },
    () => {
      view.render()
      if (!uploads.isBusy()) for (const uuid of [...early.keys()]) release(uuid)
    },
  )
  const view = openUploadsView(uploads)

  const addFiles = (files: readonly File[]) => {
    if (files.length === 0) return
    announcer.say(`Uploading ${count(files.length, 'file')}`)
    uploads.drop(({ state }) => state === 'completed' || state === 'failed')
    uploads.add(files)
  }

  const chooser = byId<HTMLInputElement>('files')
  byId('choose').addEventListener('click', () => chooser.click())
  chooser.addEventListener('change', () => {
    addFiles([...(chooser.files ?? [])])
    chooser.value = ''
  })
  acceptDrops(addFiles)
  document.addEventListener('paste', ({ clipboardData, target }) => {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement))
      addFiles([...(clipboardData?.files ?? [])])
  })
  window.addEventListener('beforeunload', (event) => {
    if (uploads.isBusy()) event.preventDefault()
  })
  acceptUrls(store, announcer)
  return {
    /** Whether an event is kept for later: it may be quicker than the answer to the upload it is about. */
    holds(event: PhotoEvent): boolean {
      if (!uploads.isBusy() || store.photo(event.subject)) return false
      early.set(event.subject, [...(early.get(event.subject) ?? []), event])
      return true
    },
    receive({ subject, data }: PhotoEvent) {
      const upload = byUuid.get(subject)
      if (!upload) return
      upload.state = data.status
      if (data.error && data.status === 'failed') upload.error = data.error
      if (data.status === 'completed' || data.status === 'failed') byUuid.delete(subject)
      view.render()
    },
  }
}

/**
 * What is known of an uploaded file before the first event; the first 48 bits of its id are its time, by a clock that events do
 * not have: it is older than any of them.
 */
function photoOf({ uuid = '', name }: Upload): Photo {
  const at = new Date(Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16)).toISOString()
  const updated_at = new Date(0).toISOString()
  const known = { uuid, name, created_at: at, updated_at, url: 'originals/', door: 'page' }
  return {
    ...known,
    status: 'pending',
    attempts: 0,
    metadata: null,
    error: null,
    retry: null,
    thumbnails: [],
  }
}

/** The whole page takes files; a veil says so while they hang over it. */
function acceptDrops(addFiles: (files: File[]) => void): void {
  const veil = byId('veil')
  let depth = 0
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files')
  const set = (value: number) => {
    depth = value
    veil.hidden = depth <= 0
  }
  window.addEventListener('dragenter', (event) => {
    if (hasFiles(event)) set(depth + 1)
  })
  window.addEventListener('dragleave', (event) => {
    if (hasFiles(event)) set(depth - 1)
  })
  window.addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault()
  })
  window.addEventListener('drop', async (event) => {
    if (!event.dataTransfer || !hasFiles(event)) return
    event.preventDefault()
    set(0)
    addFiles(await filesOf(event.dataTransfer))
  })
}

function acceptUrls(store: Store, announcer: Announcer): void {
  const form = byId<HTMLFormElement>('urls')
  const toggle = byId('paste')
  const text = byId<HTMLTextAreaElement>('url-text')
  const fault = byId('url-error')
  const show = (open: boolean) => {
    form.hidden = !open
    toggle.setAttribute('aria-expanded', String(open))
    ;(open ? text : toggle).focus()
  }
  toggle.addEventListener('click', () => show(Boolean(form.hidden)))
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const { urls, rest } = urlsOf(text.value)
    const wrong = urls.length === 0 || rest.length > 0
    setText(fault, wrong ? `Not a web address: ${rest[0] ?? 'nothing was entered'}` : '')
    if (wrong) return
    if (urls.length > MAX_URLS) return setText(fault, `At most ${formatNumber(MAX_URLS)} at once`)
    const added = await request<Photo[]>('POST', '/photos', { urls })
    if (!added.ok) return setText(fault, added.message)
    store.add(added.value)
    const queued = await request('POST', '/photos/process', { uuids: added.value.map(({ uuid }) => uuid) })
    if (queued.ok) announcer.say(`${count(urls.length, 'photo')} added`)
    else announcer.fault(queued)
    text.value = ''
    show(false)
  })
}
