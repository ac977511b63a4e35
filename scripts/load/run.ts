import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { openClient } from './client.ts'
import { type Follower, followProject } from './follow.ts'
import { pace } from './pace.ts'
import { uploadImage } from './upload.ts'

export type Load = {
  url: string
  /** Photos per second. */
  rate: number
  seconds: number
  photo: Uint8Array
  /** What was accepted is lost when nothing at all has been heard for so long. */
  graceMs: number
}

/** One photo of a run; times on the clock of `performance.now()`. */
type Sent = { start: number; uuid?: string; accepted: boolean; refusal?: string }

export type Outcome = {
  rate: number
  /** The project that the photos belong to, and all that are known to exist, accepted or not. */
  projectId: number
  uuids: string[]
  accepted: number
  done: number
  failed: number
  /** Uploads that were not accepted: their clients know. */
  refused: number
  lost: number
  /** Of photos that are done, in the order of their uploads: from the begin of the upload to the event, in ms. */
  latencies: number[]
  /** From the first upload to the last event, in ms. */
  tookMs: number
  /** Why photos failed or were refused, and how often. */
  reasons: Map<string, number>
}

const CONNECTIONS = 256
const POLL_MS = 20
/** Longest wait for uploads that an interrupt finds under way. */
const INTERRUPTED_MS = 3_000

/** Uploads photos at a rate and waits until each has ended or is lost; an aborted run waits for nothing. */
export async function run(load: Load, signal: AbortSignal): Promise<Outcome> {
  const projectId = randomInt(1, 2 ** 47)
  const client = openClient(CONNECTIONS)
  const follower = await followProject(load.url, projectId)
  const sent: Sent[] = []
  const uploads: Promise<void>[] = []
  const upload = async (each: Sent) => {
    try {
      await uploadImage(client, load.url, projectId, load.photo, (uuid) => {
        each.uuid = uuid
      })
      each.accepted = true
    } catch (error) {
      each.refusal = (error as Error).message || 'no connection'
    }
  }
  const launch = () => {
    const each: Sent = { start: performance.now(), accepted: false }
    sent.push(each)
    uploads.push(upload(each))
  }
  try {
    await pace(load.rate, load.seconds, launch, signal)
    await Promise.race([Promise.all(uploads), patience(signal)])
    await settle(sent, follower, load.graceMs, signal)
  } finally {
    follower.close()
    client.close()
  }
  return summarize(load.rate, projectId, sent, follower)
}

/** Resolves some time after an interrupt: what was begun may end. */
async function patience(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
  await delay(INTERRUPTED_MS)
}

async function settle(
  sent: readonly Sent[],
  { ends, heardAt }: Follower,
  graceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const uploaded = performance.now()
  const open = () => sent.some(({ accepted, uuid }) => accepted && !ends.has(uuid ?? ''))
  while (!signal.aborted && open()) {
    if (performance.now() - Math.max(uploaded, heardAt()) > graceMs) return
    await delay(POLL_MS)
  }
}

function summarize(rate: number, projectId: number, sent: readonly Sent[], { ends }: Follower): Outcome {
  const outcome: Outcome = {
    rate,
    projectId,
    uuids: sent.flatMap(({ uuid }) => uuid ?? []),
    accepted: 0,
    done: 0,
    failed: 0,
    refused: 0,
    lost: 0,
    latencies: [],
    tookMs: 0,
    reasons: new Map(),
  }
  const blame = (reason: string) => outcome.reasons.set(reason, (outcome.reasons.get(reason) ?? 0) + 1)
  let last = 0
  for (const { start, uuid, accepted, refusal } of sent) {
    const end = ends.get(uuid ?? '')
    last = Math.max(last, end?.at ?? 0)
    if (!accepted) {
      outcome.refused++
      blame(refusal ?? 'interrupted')
      continue
    }
    outcome.accepted++
    if (!end) outcome.lost++
    else if (end.type === 'image.uploaded') {
      outcome.done++
      outcome.latencies.push(end.at - start)
    } else {
      outcome.failed++
      blame(end.reason)
    }
  }
  outcome.tookMs = Math.max(0, last - (sent[0]?.start ?? 0))
  return outcome
}
