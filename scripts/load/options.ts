import { parseArgs } from 'node:util'
import { parseSize } from './photo.ts'

export const USAGE = `Usage: npm run load -- [options]
  --rate R       photos per second; where a search begins (default 1)
  --minutes M    how long to upload (default 1; a step of a search: 1/3)
  --size S       of a photo: 4mb, 500kb (default 1mb)
  --url URL      a service that runs; without, one of its own is started and removed
  --grace S      seconds without any event after which a photo counts as lost (default 30)
  --find         search the highest rate that is sustained
  --yes          use the servers of this machine without asking, where none are named`

export type Options = {
  rate: number
  seconds: number
  bytes: number
  url: string | undefined
  graceMs: number
  find: boolean
  yes: boolean
}

/** Reads the command line; throws one line that says what is wrong with it. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rate: { type: 'string', default: '1' },
      minutes: { type: 'string' },
      size: { type: 'string', default: '1mb' },
      url: { type: 'string' },
      grace: { type: 'string', default: '30' },
      find: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
    },
  })
  const bytes = parseSize(values.size)
  if (bytes === undefined) throw new Error('--size must be a size such as 4mb or 500kb')
  if (values.url !== undefined && !/^https?:\/\//.test(values.url))
    throw new Error('--url must begin with http:// or https://')
  const minutes = values.minutes ?? (values.find ? String(1 / 3) : '1')
  return {
    rate: positive('--rate', values.rate),
    seconds: positive('--minutes', minutes) * 60,
    bytes,
    url: values.url?.replace(/\/+$/, ''),
    graceMs: positive('--grace', values.grace) * 1000,
    find: values.find,
    yes: values.yes,
  }
}

function positive(name: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`${name} must be a number above 0`)
}
