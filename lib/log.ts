import { type DestinationStream, type Logger, pino } from 'pino'
import { isBundled } from './bundled.ts'
import type { Config } from './config/index.ts'
import { openOutput } from './log-output.ts'

/** One line per happening to standard output: JSON, or for people where that is a terminal. */
export async function openLog({ logLevel: level }: Pick<Config, 'logLevel'>): Promise<Logger> {
  const forPeople = level !== 'silent' && !isBundled && process.stdout.isTTY
  return createLog(level, forPeople ? await openPretty() : undefined)
}

/** A log in JSON to wherever; URLs in it show neither credentials nor signatures. */
export const createLog = (level: Config['logLevel'], destination?: DestinationStream): Logger =>
  pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError, url: redactUrls },
    },
    destination ?? stdout,
  )

/** One for all logs of the process. */
const stdout = openOutput(1)

/** Loaded on terminals only: it takes some 30 ms. */
async function openPretty(): Promise<DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({ colorize: true, singleLine: true, sync: true, translateTime: 'SYS:HH:MM:ss.l' })
}

/** Scheme, which is short, then user and password, then host and path, then query and fragment. */
const URLS = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)(?:[^\s/?#"'<>]*@)?([^\s?#"'<>]*)([?#][^\s"'<>]*)?/gi

/** A text whose URLs lack what may be secret: user, password, query and fragment. */
export const redactUrls = (text: string): string =>
  text.replace(
    URLS,
    (_url, scheme: string, place: string, rest?: string) => `${scheme}${place}${rest ? '?…' : ''}`,
  )

/** A duration as log lines say it: ms, to the tenth. */
export const tenths = (ms: number): number => Math.round(ms * 10) / 10

/** Libraries hang all they know on their errors: got its request, with the URL and what signs it. */
function describeError(error: unknown) {
  if (typeof error === 'string') return redactUrls(error)
  if (!(error instanceof Error)) return error
  const { type, message, stack, code } = pino.stdSerializers.err(error)
  return { type, message: redactUrls(message), stack: redactUrls(stack), code }
}
