import { glob, stat } from 'node:fs/promises'
import path from 'node:path'
import { type Format, formats } from '../../lib/imaging/formats.ts'

/** What stands for standard input. */
export const STANDARD_INPUT = '-'

/** Something that is not processed, and why. */
export type Skipped = { name: string; reason: string }

/** Files and URLs to process, what directories have besides, and arguments that name nothing. */
type Inputs = { inputs: string[]; skipped: Skipped[]; missing: Skipped[] }

/** Endings of the formats that are read; files that are named themselves may end as they like. */
const ENDINGS = new Set(Object.values<Format>(formats).flatMap(({ endings }) => endings))

const isImage = (file: string) => ENDINGS.has(path.extname(file).slice(1).toLowerCase())

export const isUrl = (name: string) => /^https?:/i.test(name)

/** What arguments name: files, URLs, directories with all images below them but for `out`, globs. Each once, in order. */
export async function findInputs(named: readonly string[], out: string): Promise<Inputs> {
  const found = await Promise.all([...new Set(named)].map((name) => inputsOf(name, out)))
  return {
    inputs: [...new Set(found.flatMap(({ inputs }) => inputs))],
    skipped: found.flatMap(({ skipped }) => skipped),
    missing: found.flatMap(({ missing }) => missing),
  }
}

async function inputsOf(name: string, out: string): Promise<Inputs> {
  const none: Inputs = { inputs: [], skipped: [], missing: [] }
  if (isUrl(name) || name === STANDARD_INPUT) return { ...none, inputs: [name] }
  const known = await stat(name).catch(() => undefined)
  if (known?.isDirectory()) {
    const { inputs, skipped } = await filesBelow(name, out)
    const missing = inputs.length === 0 ? [{ name, reason: 'there is no image in this directory' }] : []
    return { inputs, skipped, missing }
  }
  const files = known ? [name] : (await Array.fromAsync(glob(name))).sort()
  return files.length > 0
    ? { ...none, inputs: files }
    : { ...none, missing: [{ name, reason: 'no such file' }] }
}

/** Images below a directory; results of an earlier run, below it too, are not processed again. */
async function filesBelow(directory: string, out: string): Promise<Omit<Inputs, 'missing'>> {
  const results = path.relative(directory, out)
  const isResult = (file: string) => results !== '' && `${file}${path.sep}`.startsWith(results + path.sep)
  const inputs: string[] = []
  const skipped: Skipped[] = []
  for (const entry of await Array.fromAsync(glob('**/*', { cwd: directory, withFileTypes: true }))) {
    const below = path.relative(path.resolve(directory), path.resolve(entry.parentPath, entry.name))
    const name = path.join(directory, below)
    if (below === results) skipped.push({ name, reason: 'images are saved there' })
    else if (entry.isDirectory() || isResult(below)) continue
    else if (!entry.isFile() && !entry.isSymbolicLink()) skipped.push({ name, reason: 'it is no file' })
    else if (isImage(name)) inputs.push(name)
    else skipped.push({ name, reason: 'its ending is none of an image' })
  }
  return { inputs: inputs.sort(), skipped: skipped.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}
