import { isIP } from 'node:net'
import { AppError } from '../errors.ts'
import { isAllowed, withoutBrackets } from './address.ts'

/** Characters of a URL at most, where a client sends it. */
export const MAX_URL_LENGTH = 8192

/**
 * The URL of a source, judged by its text alone: throws `invalid-source` or `blocked-address`.
 * What a name stands for is judged when it is dialled.
 */
export function parseSourceUrl(text: string, allowed: readonly string[] = []): URL {
  if (text.length > MAX_URL_LENGTH) throw invalid(`The URL is longer than ${MAX_URL_LENGTH} characters`)
  if (/\p{Cc}|^\s|\s$/u.test(text)) throw invalid('The URL has control characters, or spaces around it')
  const url = URL.parse(text)
  if (!url) throw invalid('The URL is malformed')
  return checkSourceUrl(url, allowed)
}

/** Refuses at submission what may not be fetched, naming the part of the request that says it. */
export function checkSubmittedUrl(text: string, pointer: string, allowed: readonly string[]): void {
  try {
    parseSourceUrl(text, allowed)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new AppError(error.code, error.message, { errors: [{ pointer, detail: error.message }] })
  }
}

/** The same for a URL that a source redirects to: signed ones may well be longer than what a client may send. */
export function checkSourceUrl(url: URL, allowed: readonly string[] = []): URL {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalid('The URL is neither http nor https')
  if (url.username || url.password) throw invalid('The URL carries a user name or a password')
  // WHATWG has turned 0x7f.1, 017700000001, 2130706433 and 127.0.0.1. into 127.0.0.1 by now.
  const address = withoutBrackets(url.hostname)
  if (isIP(address) && !isAllowed(address, allowed, { port: portOf(url) })) throw blocked(address)
  return url
}

/** What a refused address or name is answered with, never tried again. */
export const blocked = (host: string) =>
  new AppError('blocked-address', `The address of ${host} may not be reached`)

/** URLs leave out the port that goes with their scheme. */
const portOf = ({ port, protocol }: URL) => Number(port || (protocol === 'https:' ? 443 : 80))

const invalid = (message: string) => new AppError('invalid-source', message)
