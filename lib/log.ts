import { pino } from 'pino'
import type { Config } from './config.ts'

/** One JSON line per happening, to standard output. */
export function openLog(config: Pick<Config, 'logLevel'>) {
  return pino({
    level: config.logLevel,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError },
  })
}

/** Libraries hang all they know on their errors: got its request, with the URL and what signs it. */
function describeError(error: unknown) {
  if (!(error instanceof Error)) return error
  const { type, message, stack, code } = pino.stdSerializers.err(error)
  return { type, message, stack, code }
}
