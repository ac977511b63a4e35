import type { App } from '../app.ts'
import { tenths } from '../log.ts'
import type { Stage } from '../metrics.ts'
import type { PhotoRow } from './row.ts'

/**
 * Measures an attempt from its claim on, stage by stage, for the metrics and the log. How long the photo had waited until
 * then is by the database's clock, so that it is right across machines.
 */
export function startTimings({ log, metrics }: Pick<App, 'log' | 'metrics'>, photo: PhotoRow) {
  const start = performance.now()
  const queuedAt = Date.parse(photo.queued_at ?? photo.updated_at)
  const waitedMs = Math.max(0, Date.parse(photo.updated_at) - queuedAt)
  let last = start
  const observe = (stage: Stage, ms: number) => metrics.stages.observe({ stage }, ms / 1000)
  const lap = () => {
    const now = performance.now()
    const ms = now - last
    last = now
    return ms
  }
  if (photo.attempts === 1) observe('wait', waitedMs)
  log.info({ waited_ms: waitedMs }, 'claimed')
  return {
    /** Ends a stage that began when the one before ended. */
    end(stage: Stage, message: string, fields: object) {
      const ms = lap()
      observe(stage, ms)
      log.info({ ...fields, duration_ms: tenths(ms) }, message)
    },
    /** Ends the stages of the renderer, which has measured them itself: the lap holds the wait for one, too. */
    rendered({ decode, render }: { decode: number; render: number }) {
      observe('decode', decode)
      observe('render', render)
      const parts = { decode_ms: tenths(decode), render_ms: tenths(render) }
      log.info({ ...parts, duration_ms: tenths(lap()) }, 'rendered')
    },
    completed() {
      const total = waitedMs + performance.now() - start
      observe('total', total)
      log.info({ duration_ms: tenths(total) }, 'completed')
    },
  }
}
