import { percentile } from './pace.ts'
import type { Outcome } from './run.ts'

/** A run in lines for people. */
export function report(outcome: Outcome, photoBytes: number): string {
  const { rate, accepted, done, failed, refused, lost, latencies, tookMs, reasons } = outcome
  const perSecond = done / (tookMs / 1000) || 0
  const at = (share: number) => seconds(percentile(latencies, share))
  const rows = [
    ['rate', `${number(rate)} photos/s, ${megabytes(photoBytes)} each`],
    ['accepted', accepted],
    ['done', done],
    ['failed', failed],
    ['refused', refused],
    ['lost', lost],
    ['latency', `p50 ${at(0.5)}  p95 ${at(0.95)}  p99 ${at(0.99)}  max ${at(1)}`],
    ['throughput', `${number(perSecond)} photos/s, ${megabytes(perSecond * photoBytes)}/s`],
    ...[...reasons].map(([reason, count]) => ['', `${count} x ${reason}`]),
  ]
  return rows.map(([name, value]) => `${String(name).padEnd(12)}${value}`).join('\n')
}

/** A run in one line, for a search. */
export function reportStep(outcome: Outcome, sustained: boolean): string {
  const { rate, accepted, done, failed, refused, lost, latencies } = outcome
  const counts = `${done} of ${accepted} done, ${failed} failed, ${refused} refused, ${lost} lost`
  const verdict = sustained ? 'sustained' : 'too much'
  return `${number(rate)} photos/s: ${counts}, p95 ${seconds(percentile(latencies, 0.95))}: ${verdict}`
}

/** Three digits that count. */
export const number = (value: number) => String(Number(value.toPrecision(3)))
const megabytes = (bytes: number) => `${number(bytes / 1e6)} MB`
const seconds = (ms: number) => (Number.isNaN(ms) ? '-' : `${number(ms / 1000)} s`)
