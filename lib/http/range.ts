import type { ObjectInfo } from '../storage/port.ts'

type Header = string | string[] | undefined

/**
 * The one range that a `Range` header names (RFC 9110, 14.2), both ends included. Undefined, that is the whole
 * object, without one, with several, or when `If-Range` names another version.
 */
export function parseRange(header: Header, ifRange: Header, { bytes, etag }: ObjectInfo) {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(String(header ?? '')) ?? []
  if ((first === '' && last === '') || (ifRange !== undefined && ifRange !== etag)) return undefined
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first)
  const end = first === '' || last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1)
  if (first !== '' && last !== '' && Number(first) > Number(last)) return undefined
  return start > end ? 'unsatisfiable' : { start, end }
}
