import { AppError } from '../errors.ts'
import { isKey } from './port.ts'

/** The same bytes, as long as there are between 1 and `maxBytes`; throws `empty-source` or `too-many-bytes`. */
export async function* limitBytes(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > maxBytes) throw tooManyBytes(maxBytes)
    yield chunk
  }
  if (bytes === 0) throw new AppError('empty-source', 'The source is empty')
}

/** The key, if it is one that this service may have made. */
export function checkKey(key: string): string {
  if (!isKey(key)) throw new AppError('invalid-source', 'The source is not the key of a stored file')
  return key
}

export const tooManyBytes = (maxBytes: number) =>
  new AppError('too-many-bytes', `The source has more than ${maxBytes} bytes`)

export const sourceChanged = () =>
  new AppError('source-changed', 'The stored original is not the one that was confirmed')
