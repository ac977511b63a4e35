import { AppError, describeErrors, type ErrorCode, type FieldError } from '../errors.ts'
import { checkCost } from '../imaging/cost.ts'
import { OUTPUT_FORMATS } from '../imaging/formats.ts'
import { type Operation, parseOperation, parseWhole } from '../imaging/operations.ts'
import { DEFAULT_QUALITY, type Recipe, type RenditionSpec } from '../imaging/recipe.ts'

const MAX_TRANSFORMATIONS = 20

const FORMAT_USAGE = OUTPUT_FORMATS.map((format) => `format:${format}`)
  .join(', ')
  .replace(/, (?=[^,]*$)/, ' or ')

const QUALITY_USAGE = 'quality:Q, from 1 to 100'

type Output = { format?: RenditionSpec['format']; quality?: number; qualityAt?: number }

/**
 * Reads the transformations of a job, such as `["fit:800x600", "grayscale", "format:webp"]`, as a recipe with the one
 * rendition `result`, a PNG unless the list names a format. Throws `invalid`, naming each wrong entry by its pointer, and
 * `too-costly` where the sides that the list names alone cost more than `maxCost` megapixels.
 */
export function parseTransformations(list: readonly string[], maxCost = Number.POSITIVE_INFINITY): Recipe {
  if (list.length > MAX_TRANSFORMATIONS)
    throw refused([{ pointer: LIST, detail: `must have at most ${MAX_TRANSFORMATIONS} entries` }])
  const operations: Operation[] = []
  const output: Output = {}
  const complaints = list.map((text, index) =>
    complaintOf(() => {
      if (isFormat(text)) output.format = requireSingle(output.format, parseFormat(text), FORMAT_USAGE)
      else if (/^quality\b/.test(text)) {
        output.quality = requireSingle(output.quality, parseQuality(text), QUALITY_USAGE)
        output.qualityAt = index
      } else operations.push(parseOperation(text))
    }),
  )
  const { format = 'png', quality = DEFAULT_QUALITY, qualityAt } = output
  // A format that is refused may have been meant to take a quality.
  if (qualityAt !== undefined && format === 'png' && (output.format || !list.some(isFormat)))
    complaints[qualityAt] = 'means nothing for PNG; add format:jpeg or format:webp'
  const errors = complaints.flatMap((detail, index) =>
    detail ? [{ pointer: `${LIST}/${index}`, detail }] : [],
  )
  if (errors.length > 0) throw refused(errors)
  const recipe: Recipe = {
    renditions: [{ name: 'result', operations, format, ...(format !== 'png' && { quality }) }],
  }
  const tooCostly = complaintOf(() => checkCost(recipe, maxCost), 'too-costly')
  if (tooCostly) throw refused([{ pointer: LIST, detail: tooCostly }], 'too-costly')
  return recipe
}

const LIST = '/transformations'

const isFormat = (text: string) => /^format\b/.test(text)

const parseFormat = (text: string) => OUTPUT_FORMATS.find((format) => text === `format:${format}`)

function parseQuality(text: string): number | undefined {
  const [, value = ''] = /^quality:(.*)$/.exec(text) ?? []
  return parseWhole(value, 1, 100)
}

function requireSingle<T>(known: T | undefined, value: T | undefined, usage: string): T {
  if (value === undefined) throw new AppError('invalid', `must be ${usage}`)
  if (known !== undefined) throw new AppError('invalid', 'may be given once only')
  return value
}

/** What is wrong, where `parse` throws an error of that code. */
function complaintOf(parse: () => void, code: ErrorCode = 'invalid'): string | undefined {
  try {
    parse()
    return undefined
  } catch (error) {
    if (error instanceof AppError && error.code === code) return error.message
    throw error
  }
}

const refused = (errors: FieldError[], code: ErrorCode = 'invalid') =>
  new AppError(code, describeErrors(errors), { errors })
