import { AppError, type ErrorCode } from '../errors.ts'
import { checkCost } from '../imaging/cost.ts'
import { OUTPUT_FORMATS } from '../imaging/formats.ts'
import { type Operation, parseOperation, parseWhole } from '../imaging/operations.ts'
import { DEFAULT_QUALITY, type Recipe, type RenditionSpec } from '../imaging/recipe.ts'

const MAX_TRANSFORMATIONS = 20

const FORMAT_USAGE = OUTPUT_FORMATS.map((format) => `format:${format}`)
  .join(', ')
  .replace(/, (?=[^,]*$)/, ' or ')

const QUALITY_USAGE = 'quality:Q, from 1 to 100'

/**
 * Reads the transformations of a job, such as `["fit:800x600", "grayscale", "format:webp"]`, as a recipe with the one
 * rendition `result`, a PNG unless the list names a format. Throws `invalid`, naming the entry by its pointer, and
 * `too-costly` where the sides that the list names alone cost more than `maxCost` megapixels.
 */
export function parseTransformations(list: readonly string[], maxCost = Number.POSITIVE_INFINITY): Recipe {
  if (list.length > MAX_TRANSFORMATIONS)
    throw refused('/transformations', `must have at most ${MAX_TRANSFORMATIONS} entries`)
  const operations: Operation[] = []
  const output: { format?: RenditionSpec['format']; quality?: number } = {}
  for (const [index, text] of list.entries()) {
    const pointer = `/transformations/${index}`
    if (/^format\b/.test(text))
      output.format = requireSingle(output.format, parseFormat(text), FORMAT_USAGE, pointer)
    else if (/^quality\b/.test(text))
      output.quality = requireSingle(output.quality, parseQuality(text), QUALITY_USAGE, pointer)
    else operations.push(at(pointer, () => parseOperation(text)))
  }
  const format = output.format ?? 'png'
  if (format === 'png' && output.quality !== undefined) {
    const index = list.findIndex((text) => text.startsWith('quality:'))
    throw refused(`/transformations/${index}`, 'means nothing for PNG; add format:jpeg or format:webp')
  }
  const quality = format === 'png' ? undefined : (output.quality ?? DEFAULT_QUALITY)
  const recipe: Recipe = { renditions: [{ name: 'result', operations, format, quality }] }
  at('/transformations', () => checkCost(recipe, maxCost))
  return recipe
}

const parseFormat = (text: string) => OUTPUT_FORMATS.find((format) => text === `format:${format}`)

function parseQuality(text: string): number | undefined {
  const [, value = ''] = /^quality:(.*)$/.exec(text) ?? []
  return parseWhole(value, 1, 100)
}

function requireSingle<T>(known: T | undefined, value: T | undefined, usage: string, pointer: string): T {
  if (value === undefined) throw refused(pointer, `must be ${usage}`)
  if (known !== undefined) throw refused(pointer, 'may be given once only')
  return value
}

function at<T>(pointer: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw refused(pointer, error.message, error.code)
  }
}

const refused = (pointer: string, detail: string, code: ErrorCode = 'invalid') =>
  new AppError(code, `${pointer} ${detail}`, { errors: [{ pointer, detail }] })
