import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { OUTPUT_FORMATS } from '../../lib/imaging/formats.ts'
import { parseOperation } from '../../lib/imaging/operations.ts'
import {
  DEFAULT_QUALITY,
  type Recipe,
  type RenditionSpec,
  THUMBNAIL_RECIPE,
} from '../../lib/imaging/recipe.ts'
import { parseTransformations } from '../../lib/photos/transformations.ts'

export const USAGE = `Usage: npm run process -- <file|directory|glob|url|->… [options]
Makes an image of each, and saves it as soon as it is made. - reads an image from standard input.
Exits with 1 if one failed. What is done is kept when Ctrl-C ends it.
  --out DIRECTORY  where to save (default: thumbnails); no file there is overwritten
  --size WxH       the box that images fit into (default: 320x320); 640 is 640x640
  --format FORMAT  ${OUTPUT_FORMATS.join(', ')} (default: jpeg)
  --recipe FILE    what to make, as JSON: a list of transformations, such as ["cover:400x400","format:webp"],
                   or several by name: {"small":["fit:200x200"],"large":["fit:2000x2000"]}
  --json           a line of JSON for each input, instead of the table`

export type Options = { named: string[]; out: string; json: boolean; recipe: Recipe }

/** Reads the arguments of the command; throws where they do not fit. */
export function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    options: {
      out: { type: 'string', default: 'thumbnails' },
      size: { type: 'string' },
      format: { type: 'string' },
      recipe: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  const { out, json, recipe, size, format } = values
  if (positionals.length === 0) throw new Error('Name what to process')
  if (recipe !== undefined && (size !== undefined || format !== undefined))
    throw new Error('--recipe says sizes and formats itself')
  return {
    named: positionals,
    out,
    json,
    recipe: recipe === undefined ? fit(size, format) : readRecipe(recipe),
  }
}

function fit(size: string | undefined, given: string | undefined): Recipe {
  const format = OUTPUT_FORMATS.find((one) => one === (given ?? 'jpeg'))
  if (!format) throw new Error(`--format is one of ${OUTPUT_FORMATS.join(', ')}`)
  const quality = format === 'png' ? undefined : DEFAULT_QUALITY
  return {
    renditions: THUMBNAIL_RECIPE.renditions.map(({ name, operations }) => ({
      name,
      operations: size === undefined ? operations : [readSize(size)],
      format,
      ...(quality && { quality }),
    })),
  }
}

function readSize(size: string) {
  try {
    return parseOperation(`fit:${size.includes('x') ? size : `${size}x${size}`}`)
  } catch {
    throw new Error('--size is WxH or one number, with sides from 1 to 10000')
  }
}

/** One list makes one image, named as its source; lists by name make an image each. */
function readRecipe(file: string): Recipe {
  const recipe = readJson(file)
  if (Array.isArray(recipe)) return parseTransformations(strings(recipe))
  if (typeof recipe !== 'object' || recipe === null) throw new Error(WRONG_RECIPE)
  const named = Object.entries(recipe)
  if (named.length === 0 || !named.every(([name]) => /^[a-z0-9_]{1,32}$/.test(name)))
    throw new Error(WRONG_RECIPE)
  return { renditions: named.flatMap(([name, list]) => readNamed(name, strings(list))) }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Error(`--recipe ${file}: ${(error as Error).message}`)
  }
}

function readNamed(name: string, list: string[]): RenditionSpec[] {
  try {
    return parseTransformations(list).renditions.map((rendition) => ({ ...rendition, name }))
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`)
  }
}

const WRONG_RECIPE =
  'A recipe is a list of transformations, or an object of such lists, by names of a-z, 0-9 and _'

function strings(list: unknown): string[] {
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string')) throw new Error(WRONG_RECIPE)
  return list
}
