import type { Watched } from '../../lib/supervision.ts'
import type { WorkerApp } from '../../lib/worker.ts'

/** Of the messages that a consumer holds one ends within this, in ms, besides the time of a download and a render. */
const PROGRESS_MS = 600_000

/**
 * Runs what handles a message of a consumer; reports while there are any that one after the other ends, or that the worker looks
 * whether what they wait for is back.
 */
export function openProgress(
  { config, supervision, hold }: Pick<WorkerApp, 'config' | 'supervision' | 'hold'>,
  consumer: string,
): (handle: () => Promise<void>) => Promise<void> {
  const deadlineMs = PROGRESS_MS + config.downloadTimeoutMs + config.renderTimeoutMs
  let held = 0
  let watched: Watched | undefined
  hold.onLook(() => watched?.turned())
  return async (handle) => {
    held++
    watched ??= supervision.watch(`messages of ${consumer}`, deadlineMs)
    try {
      await handle()
    } finally {
      held--
      watched.turned()
      if (held === 0) {
        watched.end()
        watched = undefined
      }
    }
  }
}
