import { imageUrl, type Photo, type PhotoWithTimeline, type Refusal, request, titleOf } from './api.ts'
import { faultOf, placeholderOf, statusWords } from './card.ts'
import { factsOf, timelineOf, versionsOf } from './details-parts.ts'
import { byId, h, spaced } from './dom.ts'
import type { PhotoEvent } from './socket.ts'

type DetailsActions = {
  again(uuid: string): Promise<void>
  remove(uuid: string): Promise<string | undefined>
  closed(uuid: string): void
}

/** Wide enough to be looked at, in pixels; of those that are, the smallest is shown. */
const ENOUGH = 600

/** Shown instead of the metadata of a photo, which is JSON. */
const GONE = 'gone'

/** The dialog with all that is known of one photo; it follows what happens to it while it is open. */
export function openDetails(actions: DetailsActions) {
  const dialog = byId<HTMLDialogElement>('details')
  let current: string | undefined
  let shown = ''

  const refresh = spaced(
    () => 300,
    async () => {
      const uuid = current
      if (uuid === undefined || shown === GONE) return
      const result = await request<PhotoWithTimeline>('GET', `/photos/${uuid}`)
      if (uuid !== current) return
      if (!result.ok) return showInstead(result)
      const text = JSON.stringify(result.value)
      if (text === shown) return
      shown = text
      show(result.value)
    },
  )

  const frameOf = (title: string, ...content: Node[]) => {
    const close = h(
      'button',
      { type: 'button', class: 'close', 'aria-label': 'Close', onclick: () => dialog.close() },
      '×',
    )
    const focused = dialog.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset.keep
      : undefined
    dialog.replaceChildren(h('header', {}, h('h2', { id: 'details-title' }, title), close), ...content)
    const kept = dialog.querySelector<HTMLButtonElement>(`[data-keep=${focused}]:not([hidden], :disabled)`)
    if (dialog.open) (kept ?? close).focus()
  }

  const showInstead = ({ status, message }: Refusal) => {
    if (status === 404) return showGone()
    // What is there already is worth more than that it cannot be read again.
    if (shown === '') frameOf('Photo', h('p', { class: 'fault' }, message))
  }

  const showGone = () => {
    shown = GONE
    frameOf('Deleted', h('p', {}, 'This photo is no longer there.'))
  }

  const show = (photo: PhotoWithTimeline) => {
    const body = h(
      'div',
      { class: 'details-body' },
      pictureOf(photo),
      h(
        'div',
        { class: 'details-text' },
        h('p', { class: 'status', 'data-status': photo.status }, statusWords(photo)),
        faultOf(photo),
        actionsOf(photo),
        versionsOf(photo),
        factsOf(photo),
        timelineOf(photo),
      ),
    )
    frameOf(titleOf(photo), body)
  }

  const actionsOf = ({ uuid, status }: Photo) => {
    const fault = h('p', { class: 'fault', role: 'alert' })
    const again = h(
      'button',
      { type: 'button', 'data-keep': 'again' },
      status === 'pending' ? 'Process' : 'Process again',
    )
    again.hidden = status === 'processing' || status === 'init'
    again.addEventListener('click', async () => {
      await actions.again(uuid)
      refresh()
    })
    const remove = h('button', { type: 'button', 'data-keep': 'remove', class: 'danger' }, 'Delete')
    remove.disabled = status === 'processing'
    remove.addEventListener('click', async () => {
      if (!remove.dataset.sure) {
        remove.dataset.sure = 'asked'
        remove.textContent = 'Delete for good?'
        return
      }
      const message = await actions.remove(uuid)
      if (message === undefined) dialog.close()
      else fault.textContent = message
    })
    remove.addEventListener('blur', () => {
      delete remove.dataset.sure
      remove.textContent = 'Delete'
    })
    return h('div', { class: 'actions' }, again, remove, fault)
  }

  dialog.addEventListener('close', () => {
    // The event comes a little later: it may have been opened again.
    if (dialog.open) return
    const uuid = current
    current = undefined
    shown = ''
    dialog.replaceChildren()
    if (uuid) actions.closed(uuid)
  })
  // A click beside the dialog is a click on the dialog itself.
  dialog.addEventListener('click', ({ target }) => {
    if (target === dialog) dialog.close()
  })

  return {
    open(uuid: string) {
      current = uuid
      shown = ''
      frameOf('Photo', h('p', { class: 'note' }, 'Loading…'))
      if (!dialog.open) dialog.showModal()
      refresh()
    },
    /** Something happened to a photo. */
    receive({ subject, type }: PhotoEvent) {
      if (subject !== current) return
      if (type === 'image.deleted') showGone()
      else refresh()
    },
  }
}

function pictureOf(photo: Photo): HTMLElement {
  const bySize = photo.thumbnails.toSorted((a, b) => a.width - b.width)
  const version = bySize.find(({ width, height }) => Math.max(width, height) >= ENOUGH) ?? bySize.at(-1)
  const picture = h('div', { class: 'picture' })
  if (!version) return picture
  const hash = placeholderOf(photo)
  if (hash) picture.style.backgroundImage = `url(${hash})`
  const { width, height } = version
  picture.append(h('img', { src: imageUrl(photo, version), alt: titleOf(photo), width, height }))
  return picture
}
