import { AppError } from '../errors.ts'

/** A source that claims a format we read but breaks its rules. */
export const corrupt = (why: string, cause?: unknown) =>
  new AppError('corrupt-image', `The image cannot be decoded: ${why}`, { cause })

/** A source in a format, or a flavour of one, that we do not read. */
export const unsupported = (why: string) => new AppError('unsupported-format', why)

/** A source that is larger than it may be, or than there is memory for. */
export const tooManyPixels = (why: string) => new AppError('too-many-pixels', why)

/** The error itself where a rule was broken; else a fault of ours: `render-failed`, with what caused it. */
export const asRenderError = (error: unknown): AppError =>
  error instanceof AppError
    ? error
    : new AppError('render-failed', 'The image could not be made', { cause: error })

const OUT_OF_MEMORY_CODES = new Set(['ERR_MEMORY_ALLOCATION_FAILED', 'Z_MEM_ERROR'])

/** Whether V8, WebAssembly, Node or zlib threw for a lack of memory: `openImaging` then renders the source once more, alone. */
export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && OUT_OF_MEMORY_CODES.has(`${error.code}`)) return true
  return (
    error instanceof RangeError && /allocation failed|out of memory|could not allocate/i.test(error.message)
  )
}
