import { pino } from 'pino'
import type { Config } from './config.ts'

/** One JSON line per happening, to standard output. */
export function openLog(config: Pick<Config, 'logLevel'>) {
  return pino({ level: config.logLevel, base: undefined, timestamp: pino.stdTimeFunctions.isoTime })
}
