import { AppError } from '../errors.ts'

/** A source that claims a format we read but breaks its rules. */
export const corrupt = (why: string, cause?: unknown) =>
  new AppError('corrupt-image', `The image cannot be decoded: ${why}`, { cause })

/** A source in a format, or a flavour of one, that we do not read. */
export const unsupported = (why: string) => new AppError('unsupported-format', why)

/** A source that is larger than it may be, or than there is memory for. */
export const tooManyPixels = (why: string) => new AppError('too-many-pixels', why)

/** The least delay before a photo is tried again that met a broken installation, in ms. */
const REPAIR_MS = 30_000

const MISSING_CODES = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED'])

/** Whether a package, a module or a WebAssembly file is missing, or is not what it should be. */
function isNotInstalled(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, path } = error as NodeJS.ErrnoException
  if (MISSING_CODES.has(`${code}`) || (code === 'ENOENT' && path?.endsWith('.wasm'))) return true
  return error.name === 'CompileError' || error.name === 'LinkError'
}

/** `imaging-broken`: the photo waits for the repair, or for another worker. */
export const broken = (why: string, cause: unknown) =>
  new AppError('imaging-broken', `The service cannot make images: ${why}`, {
    mostAttempts: Number.POSITIVE_INFINITY,
    retryAfterMs: REPAIR_MS,
    cause,
  })

/** The error itself, or `imaging-broken` for what is not installed. */
const orBroken = (error: unknown) =>
  isNotInstalled(error) ? broken('its installation is not complete', error) : error

/** The error itself where a rule was broken, or `imaging-broken`; else a fault of ours: `render-failed`, with what caused it. */
export function asRenderError(error: unknown): AppError {
  const known = orBroken(error)
  return known instanceof AppError
    ? known
    : new AppError('render-failed', 'The image could not be made', { cause: error })
}

/** Whether an error says nothing of the source: there is not the memory, or not the installation. */
export const isOfService = (error: unknown) => isOutOfMemory(error) || isNotInstalled(error)

const OUT_OF_MEMORY_CODES = new Set(['ERR_MEMORY_ALLOCATION_FAILED', 'Z_MEM_ERROR'])

/** Whether V8, WebAssembly, Node or zlib threw for a lack of memory: `openImaging` then renders the source once more, alone. */
export function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && OUT_OF_MEMORY_CODES.has(`${error.code}`)) return true
  return (
    error instanceof RangeError && /allocation failed|out of memory|could not allocate/i.test(error.message)
  )
}
