import { type Card, type CardActions, makeCard } from './card.ts'
import { byId, perFrame, setText } from './dom.ts'
import { count } from './format.ts'
import type { Store } from './store.ts'

const GAP = 16
const MIN_WIDTH = 176
/** Rows rendered above and below what is seen. */
const MARGIN_ROWS = 2
/** The next page is fetched when so many rows or fewer are left. */
const AHEAD_ROWS = 8

/** Where cards lie: all are of one size, so that only those near the window need to exist. */
type Grid = { columns: number; width: number; height: number }

/** Shows the listed photos as a grid of cards, of which only those near the window are in the document. */
export function openGallery(store: Store, actions: CardActions, isFiltered: () => boolean) {
  const list = byId('gallery')
  const note = byId('gallery-note')
  const more = byId<HTMLButtonElement>('more')
  const cards = new Map<string, Card>()
  let anchor: { uuid: string; row: number } | undefined

  const render = () => {
    const uuids = store.listed()
    const grid = measure(list)
    const rows = Math.ceil(uuids.length / grid.columns)
    list.style.height = `${Math.max(0, rows * (grid.height + GAP) - GAP)}px`
    keepPlace(uuids, grid)
    const seen = seenRows(list, grid)
    const from = Math.max(0, seen.first - MARGIN_ROWS) * grid.columns
    const to = Math.min(uuids.length, (seen.last + 1 + MARGIN_ROWS) * grid.columns)
    place(uuids, from, to, grid)
    const first = uuids[seen.first * grid.columns]
    anchor = seen.first > 0 && first ? { uuid: first, row: seen.first } : undefined
    if (store.hasMore() && store.state() === 'ready' && seen.last + AHEAD_ROWS >= rows) void store.more()
    showState(uuids.length)
  }
  const rerender = perFrame(render)

  /** When photos come in above what is looked at, the window moves with it. */
  const keepPlace = (uuids: readonly string[], { columns, height }: Grid) => {
    if (!anchor) return
    const index = uuids.indexOf(anchor.uuid)
    const moved = index < 0 ? 0 : Math.floor(index / columns) - anchor.row
    if (moved !== 0) window.scrollBy(0, moved * (height + GAP))
  }

  const place = (uuids: readonly string[], from: number, to: number, grid: Grid) => {
    const wanted = new Set(uuids.slice(from, to))
    const size = store.hasMore() ? -1 : uuids.length
    for (const [uuid, { node }] of cards) {
      if (wanted.has(uuid)) continue
      // What has the focus stays, so that the keyboard does not lose its place.
      if (node.contains(document.activeElement) && uuids.includes(uuid)) continue
      node.remove()
      cards.delete(uuid)
    }
    let before = list.firstElementChild
    for (let index = from; index < to; index++) {
      const uuid = uuids[index] as string
      const photo = store.photo(uuid)
      if (!photo) continue
      const card = cards.get(uuid) ?? makeCard(uuid, actions)
      cards.set(uuid, card)
      card.update(photo)
      const { style } = card.node
      style.width = `${grid.width}px`
      style.height = `${grid.height}px`
      style.translate = `${(index % grid.columns) * (grid.width + GAP)}px ${Math.floor(index / grid.columns) * (grid.height + GAP)}px`
      card.node.setAttribute('aria-posinset', String(index + 1))
      card.node.setAttribute('aria-setsize', String(size))
      if (card.node === before) before = before.nextElementSibling
      else list.insertBefore(card.node, before)
    }
  }

  const showState = (shown: number) => {
    const state = store.state()
    list.setAttribute('aria-busy', String(state === 'loading'))
    more.hidden = !store.hasMore() && typeof state === 'string'
    if (typeof state !== 'string') setText(note, `${state.message} (${state.code})`)
    else if (shown > 0)
      setText(note, store.hasMore() ? '' : shown > 20 ? `${count(shown, 'photo')}, all of them` : '')
    else if (state === 'loading') setText(note, 'Loading…')
    else
      setText(
        note,
        isFiltered() ? 'No photo fits these filters.' : 'No photos yet. The first ones you add appear here.',
      )
    setText(more, typeof state === 'string' ? 'Load more' : 'Try again')
  }

  more.addEventListener('click', () => void (store.listed().length > 0 ? store.more() : store.load()))
  list.addEventListener('keydown', (event) => {
    const uuids = store.listed()
    const at = uuids.findIndex((uuid) => cards.get(uuid)?.node.contains(document.activeElement))
    const { columns, height } = measure(list)
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key]
    const target = step === undefined || at < 0 ? undefined : uuids[at + step]
    if (target === undefined || step === undefined) return
    event.preventDefault()
    if (!cards.has(target)) {
      const top = list.getBoundingClientRect().top + window.scrollY
      window.scrollTo(0, top + Math.floor((at + step) / columns) * (height + GAP) - GAP)
      render()
    }
    cards.get(target)?.focus()
  })
  window.addEventListener('scroll', rerender, { passive: true })
  new ResizeObserver(rerender).observe(document.body)
  return {
    render: rerender,
    /** Gives the keyboard back to a photo that is still there. */
    focus: (uuid: string) => (cards.get(uuid)?.focus ?? (() => byId('choose').focus()))(),
  }
}

function measure(list: HTMLElement): Grid {
  const all = list.clientWidth || MIN_WIDTH
  const columns = Math.max(2, Math.floor((all + GAP) / (MIN_WIDTH + GAP)))
  const width = (all - GAP * (columns - 1)) / columns
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
  return { columns, width, height: Math.round(width + 3.5 * rem) }
}

function seenRows(list: HTMLElement, { height }: Grid): { first: number; last: number } {
  const above = -list.getBoundingClientRect().top
  return {
    first: Math.max(0, Math.floor(above / (height + GAP))),
    last: Math.max(0, Math.floor((above + window.innerHeight) / (height + GAP))),
  }
}
