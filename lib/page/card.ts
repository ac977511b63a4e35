import { thumbHashToDataURL } from 'thumbhash'
import { imageUrl, type Photo, primaryOf, type Status, titleOf } from './api.ts'
import { h, setText } from './dom.ts'
import { formatClock, formatWhen } from './format.ts'

const STATUS_WORDS: Record<Status, string> = {
  init: 'Not uploaded',
  pending: 'Waiting',
  processing: 'Processing',
  completed: 'Completed',
  failed: 'Failed',
}

export type CardActions = { open(uuid: string): void; again(uuid: string): void }

/** One photo of the gallery: its thumbnail, or what keeps it from having one. */
export type Card = { node: HTMLLIElement; focus(): void; update(photo: Photo): void }

/** Makes the card of a photo; `update` changes only what differs. */
export function makeCard(uuid: string, actions: CardActions): Card {
  const frame = h('div', { class: 'frame' })
  const title = h('button', { type: 'button', class: 'title', onclick: () => actions.open(uuid) })
  const status = h('span', { class: 'status' })
  const again = h(
    'button',
    { type: 'button', class: 'again', onclick: () => actions.again(uuid) },
    'Process again',
  )
  const node = h('li', { class: 'card' }, frame, h('div', { class: 'caption' }, title, status, again))
  let shown: Photo | undefined

  const update = (photo: Photo) => {
    if (photo === shown) return
    shown = photo
    node.dataset.status = photo.status
    const name = titleOf(photo)
    setText(title, name)
    title.title = name
    setText(status, statusText(photo))
    // Before what has just been pressed goes, lest the keyboard lose its place.
    if (photo.status !== 'failed' && document.activeElement === again) title.focus()
    again.hidden = photo.status !== 'failed'
    again.setAttribute('aria-label', `Process again: ${name}`)
    fillFrame(frame, photo)
  }
  return { node, focus: () => title.focus(), update }
}

function statusText(photo: Photo): string {
  return photo.status === 'completed' ? formatWhen(photo.created_at) : statusWords(photo)
}

/** The status; of a photo that waits for another attempt also which, and until when. */
export function statusWords({ status, retry }: Photo): string {
  const words = STATUS_WORDS[status]
  if (!retry) return words
  const { attempt, max_attempts, next_attempt_at } = retry
  return `${words}, attempt ${attempt} of ${max_attempts} failed, next at ${formatClock(next_attempt_at)}`
}

/** Why a photo failed, or waits for another attempt. */
export function faultOf({ error, retry }: Photo): HTMLElement | undefined {
  const fault = error ?? retry?.error
  return fault && h('p', { class: 'error' }, h('code', {}, fault.code), h('span', {}, fault.message))
}

function fillFrame(frame: HTMLElement, photo: Photo): void {
  const thumbnail = primaryOf(photo)
  if (photo.status === 'completed' && thumbnail) {
    showImage(frame, photo, imageUrl(photo, thumbnail))
    return
  }
  frame.style.backgroundImage = ''
  delete frame.dataset.src
  frame.replaceChildren(faultOf(photo) ?? h('span', { class: 'pulse' }))
}

/** The image over its ThumbHash, which is seen until the image is there. */
function showImage(frame: HTMLElement, photo: Photo, src: string): void {
  if (frame.dataset.src === src) return
  frame.dataset.src = src
  const hash = placeholderOf(photo)
  frame.style.backgroundImage = hash ? `url(${hash})` : ''
  const image = h('img', { alt: '', decoding: 'async', draggable: false })
  image.addEventListener('load', () => image.classList.add('loaded'))
  image.addEventListener('error', () => frame.replaceChildren(h('span', { class: 'missing' }, 'No image')))
  image.src = src
  frame.replaceChildren(image)
}

/** A few colours of the photo as an image of some 30 pixels. */
export function placeholderOf({ metadata }: Photo): string | undefined {
  const hash = metadata?.thumbhash
  if (typeof hash !== 'string') return undefined
  try {
    return thumbHashToDataURL(Uint8Array.from(atob(hash), (char) => char.charCodeAt(0)))
  } catch {
    return undefined
  }
}
