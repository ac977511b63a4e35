import { AppError } from '../errors.ts'
import type { Bitmap } from './bitmap.ts'
import { codecs } from './codecs.ts'
import { corrupt, isOfService } from './errors.ts'
import type { SourceFormat } from './formats.ts'
import type { Header } from './headers/header.ts'
import type { Target } from './sizes.ts'

type Decode = (source: Buffer, header: Header, target: Target | undefined) => Bitmap | Promise<Bitmap>

/**
 * Decodes a probed source (`codecs.ts`), not yet oriented. Whatever a decoder throws becomes `corrupt-image`, but for what
 * says nothing of the source: a lack of memory, an installation that is not complete.
 */
export async function decode(
  source: Buffer,
  format: SourceFormat,
  header: Header,
  target: Target | undefined,
): Promise<Bitmap> {
  const { ready, decode: decodeFormat } = codecs[format] as {
    ready?: (header: Header) => Promise<void>
    decode: Decode
  }
  await ready?.(header)
  try {
    return await decodeFormat(source, header, target)
  } catch (error) {
    if (error instanceof AppError || isOfService(error)) throw error
    throw corrupt(`damaged ${format.toUpperCase()} data`, error)
  }
}
