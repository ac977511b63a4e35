import type { Fault } from './api.ts'
import { byId } from './dom.ts'
import { formatNumber } from './format.ts'

/** How long outcomes are gathered before they are said, in ms: under load a sentence each few seconds, not one per photo. */
const GATHER_MS = 4_000

/** How long a fault is to be read, in ms. */
const FAULT_MS = 10_000

/** Says to screen readers what happens, and to everybody what went wrong. */
export function openAnnouncer() {
  const region = byId('announcements')
  const notice = byId('notice')
  let timer: number | undefined
  let outcomes = { completed: 0, failed: 0 }
  let waiting = false

  const say = (text: string) => {
    region.textContent = text
  }
  const sayOutcomes = () => {
    waiting = false
    const parts: string[] = []
    if (outcomes.completed > 0) parts.push(`${formatNumber(outcomes.completed)} completed`)
    if (outcomes.failed > 0) parts.push(`${formatNumber(outcomes.failed)} failed`)
    outcomes = { completed: 0, failed: 0 }
    say(parts.join(', '))
  }
  return {
    /** What a visitor has just done; at once. */
    say,
    fault({ code, message }: Fault) {
      notice.textContent = `${message} (${code})`
      notice.hidden = false
      clearTimeout(timer)
      timer = window.setTimeout(() => {
        notice.hidden = true
      }, FAULT_MS)
    },
    count(outcome: 'completed' | 'failed') {
      outcomes[outcome]++
      if (!waiting) setTimeout(sayOutcomes, GATHER_MS)
      waiting = true
    },
  }
}

export type Announcer = ReturnType<typeof openAnnouncer>
