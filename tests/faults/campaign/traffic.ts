import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { DEADLINE_MS } from '../../support/service.ts'
import type { Expected, World } from './world.ts'

/** Requests of clients while a fault lasts; one that failed is made again. */
export type Traffic = {
  requests: number
  /** Those without an answer, or with one that says to come again. */
  failed: number
  /** Ends it, and resolves when all that was begun is accepted. */
  stop(): Promise<void>
}

/** Longest wait for an answer, in ms: silent connections to the database are given up after 11 s. */
const ANSWER_MS = 15_000
const AGAIN_MS = 200

/** Whether the same request may succeed later: always, or when an earlier one of the same key has been answered. */
const comesAgain = ({ status, text }: Answer) => status >= 500 || text.includes('idempotency-key-in-use')

type Answer = { status: number; text: string }

/** Submits a photo each `everyMs`, by URL and by upload in turns, good and bad ones, and looks at one that is there. */
export function openTraffic(world: World, everyMs: number): Traffic {
  const stopping = new AbortController()
  const { signal } = stopping
  const traffic = { requests: 0, failed: 0 }

  /** Undefined where nothing is answered. */
  async function request(url: string, init: RequestInit = {}): Promise<Answer | undefined> {
    traffic.requests++
    const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_MS) })
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch(() => undefined)
    if (!answer || comesAgain(answer)) traffic.failed++
    return answer
  }

  async function untilAnswered(url: string, init: RequestInit, ...expected: number[]): Promise<string> {
    const deadline = Date.now() + 2 * DEADLINE_MS
    for (;;) {
      const answer = await request(url, init)
      if (answer && expected.includes(answer.status)) return answer.text
      if ((answer && !comesAgain(answer)) || Date.now() > deadline)
        throw new Error(`${url} answered ${JSON.stringify(answer)}`)
      await delay(AGAIN_MS)
    }
  }

  /** Whoever comes again with the same key gets the first answer: there is one photo. */
  const post = async <T>(path: string, body: unknown, expected: number): Promise<T> => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    return JSON.parse(await untilAnswered(`${world.fleet.url}${path}`, init, expected)) as T
  }

  async function submit(path: string, expected: Expected) {
    const { id } = await post<{ id: string }>('/v1/images', { url: `${world.sources}${path}` }, 202)
    world.accepted.set(id, expected)
  }

  async function upload(content: Uint8Array<ArrayBuffer>, expected: Expected) {
    type Link = { image_id: string; upload_link: string; params: Record<string, string> }
    const link = await post<Link>('/images', { filename: 'photo.jpg', project_id: 1 }, 201)
    const body = new FormData()
    for (const [name, value] of Object.entries(link.params)) body.append(name, value)
    body.append('file', new Blob([content]))
    // 409: it was taken, and the answer lost.
    await untilAnswered(link.upload_link, { method: 'POST', body }, 204, 409)
    world.accepted.set(link.image_id, expected)
  }

  const image = Uint8Array.from(world.image)
  const kinds = [
    (i: number) => submit(`/good.jpg?${i}`, 'completed'),
    () => upload(image, 'completed'),
    (i: number) => submit(`/bad.jpg?${i}`, 'failed'),
    (i: number) => submit(`/good.jpg?${i}`, 'completed'),
    () => upload(image.slice(0, 300), 'failed'),
    (i: number) => submit(`/none.jpg?${i}`, 'failed'),
  ]

  async function submitAll() {
    const running: Promise<void>[] = []
    for (let i = 0; !signal.aborted; i++) {
      running.push(kinds[i % kinds.length]?.(i) ?? Promise.resolve())
      await delay(everyMs, undefined, { signal }).catch(() => {})
    }
    await Promise.all(running)
  }

  async function look() {
    while (!signal.aborted) {
      await delay(everyMs, undefined, { signal }).catch(() => {})
      const shown = [...world.heard.socket].find(([, events]) =>
        [...events.values()].includes('image.uploaded'),
      )
      if (!shown) continue
      const url = `${world.fleet.url}/images/${shown[0]}/content`
      const answer = await request(url)
      if (answer && answer.status !== 200 && !comesAgain(answer))
        throw new Error(`${url} answered ${JSON.stringify(answer)}`)
    }
  }

  const running = Promise.all([submitAll(), look()])
  running.catch(() => {})
  return Object.assign(traffic, {
    async stop() {
      stopping.abort()
      await running
    },
  })
}
