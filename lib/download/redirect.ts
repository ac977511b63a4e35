import { AppError } from '../errors.ts'
import { checkSourceUrl } from './source-url.ts'

/** Where a redirect leads, by its `Location` as Node has it, a character a byte; throws where it may not be followed. */
export function redirectTarget(location: string, base: URL, allowed: readonly string[]): URL {
  // The bytes as they came, which are UTF-8 as a rule: Node's characters would be encoded once more.
  const escaped = location.replace(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  const next = URL.parse(escaped, base.href)
  if (!next) throw new AppError('invalid-source', 'The source redirects to a malformed URL')
  return checkSourceUrl(next, allowed)
}
