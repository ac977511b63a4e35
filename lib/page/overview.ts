import { request, type Stats, type Status } from './api.ts'
import { byId, h, setText, spaced } from './dom.ts'
import { count, formatNumber, formatTime } from './format.ts'

const SVG = 'http://www.w3.org/2000/svg'

/** Minutes that the chart shows, and its measures in units of its own. */
const MINUTES = 15
const WIDTH = 240
const HEIGHT = 40
const MINUTE_MS = 60_000

/** How often totals are read at most while photos change, and at least while they do not, in ms. */
const BUSY_MS = 1_500
const IDLE_MS = 30_000

/** Totals by status and the throughput of the last minutes; `refresh` reads them again, as often as one likes. */
export function openOverview(onTotals: (stats: Stats) => void) {
  const figure = byId('throughput')
  const refresh = spaced(
    () => BUSY_MS,
    async () => {
      const result = await request<Stats>('GET', '/photos/stats')
      if (!result.ok) return
      for (const element of document.querySelectorAll<HTMLElement>('[data-total]')) {
        const total = result.value[element.dataset.total as Status]
        setText(element, formatNumber(total))
        const label = element.closest('label')
        // Rare, and of no interest where there are none.
        if (label && element.dataset.total === 'init')
          label.hidden = total === 0 && !label.control?.matches(':checked')
      }
      figure.replaceChildren(...chart(result.value.per_minute, result.date))
      onTotals(result.value)
    },
  )
  setInterval(() => {
    if (!document.hidden) refresh()
  }, IDLE_MS)
  return { refresh }
}

/** A bar per minute, completed below and failed above it, and the same in words. */
function chart(given: Stats['per_minute'], now: number): Element[] {
  const byMinute = new Map(given.map((minute) => [minuteOf(Date.parse(minute.at)), minute]))
  const minutes = Array.from({ length: MINUTES }, (_, index) => {
    const at = minuteOf(now) - (MINUTES - 1 - index)
    return byMinute.get(at) ?? { at: new Date(at * MINUTE_MS).toISOString(), completed: 0, failed: 0 }
  })
  const completed = sum(minutes, 'completed')
  const failed = sum(minutes, 'failed')
  const most = Math.max(...minutes.map((minute) => minute.completed + minute.failed))
  const words = `Last ${MINUTES} minutes: ${formatNumber(completed)} completed, ${formatNumber(failed)} failed, at most ${count(most, 'photo')} in a minute.`
  const svg = make('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': words })
  const step = WIDTH / MINUTES
  minutes.forEach((minute, index) => {
    const group = make('g', {})
    const title = make('title', {})
    title.textContent = `${formatTime(minute.at)}: ${formatNumber(minute.completed)} completed, ${formatNumber(minute.failed)} failed`
    const height = (value: number) => (value / Math.max(most, 1)) * (HEIGHT - 2)
    const [low, high] = [height(minute.completed), height(minute.failed)]
    const bar = (name: string, y: number, tall: number) =>
      make('rect', { class: name, x: index * step, y, width: step - 2, height: Math.max(tall, 0), rx: 1 })
    group.append(title, bar('base', HEIGHT - 1.5, 1.5), bar('completed', HEIGHT - low, low))
    group.append(bar('failed', HEIGHT - low - high, high))
    svg.append(group)
  })
  const caption = h(
    'figcaption',
    {},
    h('b', {}, formatNumber(completed + failed)),
    ` done in ${MINUTES} minutes`,
    h('span', {}, `${formatNumber(most)} in the busiest`),
  )
  return [svg, caption]
}

const minuteOf = (ms: number) => Math.floor(ms / MINUTE_MS)

const sum = (minutes: Stats['per_minute'], field: 'completed' | 'failed') =>
  minutes.reduce((total, minute) => total + minute[field], 0)

function make(name: string, attributes: Record<string, string | number>): SVGElement {
  const element = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  return element
}
