import { AppError } from '../errors.ts'

/** A source that claims a format we read but breaks its rules. */
export const corrupt = (why: string, cause?: unknown) =>
  new AppError('corrupt-image', 422, `The image cannot be decoded: ${why}`, { cause })

/** A source in a format, or a flavour of one, that we do not read. */
export const unsupported = (why: string) => new AppError('unsupported-format', 422, why)
