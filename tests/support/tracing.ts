import type { App } from '../../lib/app.ts'
import { createLog } from '../../lib/log.ts'
import { traceFields } from '../../lib/trace.ts'
import type { WorkerApp } from '../../lib/worker.ts'
import { withServer } from '../functions/support.ts'
import { withPipeline } from '../lib/photos/support.ts'
import type { Setup } from './app.ts'
import { jpeg, sample } from './images.ts'
import { bytes, type SourceServer } from './source-server.ts'

/** What the source of `withTraced` serves. */
export const picture = await jpeg(sample(400, 300))

/** The trace of a number. */
export const traceOf = (n: number) => String(n).repeat(32)
/** What a client says whose trace is `n`. */
export const headerOf = (n: number) => ({ traceparent: `00-${traceOf(n)}-00f067aa0ba902b7-01` })

type Line = { msg: string; trace_id?: string; span_id?: string; photo_uuid?: string; attempt?: number }

/** A pipeline that is served over HTTP, with the lines of its log. */
export const withTraced = (
  setup: Setup,
  use: (given: { app: WorkerApp; source: SourceServer; url: string; lines: Line[] }) => Promise<void>,
) =>
  withPipeline(setup, async ({ app: silent, source }) => {
    const lines: Line[] = []
    const log = createLog('debug', { write: (line) => void lines.push(JSON.parse(line) as Line) })
    const app = { ...silent, log }
    source.set('/photo.jpg', bytes(picture))
    await withServer(app, (url) => use({ app, source, url, lines }))
  })

/** The traces of the photos, in their order. */
export const tracesIn = async ({ db }: App) =>
  (await db.selectFrom('photos').select('traceparent').orderBy('uuid').execute()).map(
    ({ traceparent }) => traceFields(traceparent ?? undefined).trace_id,
  )

/** The trace that a header names. */
export const traceIdOf = (value: unknown) => traceFields(String(value)).trace_id
