import { randomUUID } from 'node:crypto'

/** A `traceparent` of whatever version: its first four fields are those of version 00, 255 is none. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** The flags that are defined (sampled, random); others must not be passed on. */
const KNOWN_FLAGS = 0b11

/** A `traceparent` as W3C Trace Context has it, in version 00; undefined where the value is malformed. */
export function parseTraceparent(value: unknown): string | undefined {
  const found = typeof value === 'string' ? TRACEPARENT.exec(value) : null
  if (!found) return undefined
  const [, version, traceId, spanId, flags = '', more] = found
  if (version === '00' && more !== undefined) return undefined
  const known = (Number.parseInt(flags, 16) & KNOWN_FLAGS).toString(16).padStart(2, '0')
  return `00-${traceId}-${spanId}-${known}`
}

/** The `traceparent` of a piece of work: a new span in the trace of `value`, or in a new trace where that is malformed. */
export function continueTrace(value: unknown): string {
  const parent = parseTraceparent(value)
  const spanId = randomHex().slice(16)
  return parent ? `${parent.slice(0, 36)}${spanId}${parent.slice(52)}` : `00-${randomHex()}-${spanId}-01`
}

/** 32 digits of which neither half is zero; Node draws uuids in advance, which makes them cheaper than `randomBytes`. */
const randomHex = () => randomUUID().replaceAll('-', '')

/** What log lines say of a `traceparent`. */
export const traceFields = (traceparent: string | undefined) =>
  traceparent === undefined ? {} : { trace_id: traceparent.slice(3, 35), span_id: traceparent.slice(36, 52) }
