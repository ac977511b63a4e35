import { glob, stat } from 'node:fs/promises'
import path from 'node:path'
import { type Format, formats } from '../../lib/imaging/formats.ts'

/** Endings of the formats that are read; files that are named themselves may end as they like. */
const ENDINGS = Object.values<Format>(formats).flatMap(({ endings }) => endings)
const IMAGES = `**/*.{${[...ENDINGS, ...ENDINGS.map((ending) => ending.toUpperCase())]}}`

/**
 * Files and URLs that arguments name: files, URLs, directories with all images below them, globs. Each once, in order;
 * `missing` are the arguments that name nothing.
 */
export async function findInputs(named: readonly string[]): Promise<{ inputs: string[]; missing: string[] }> {
  const found = await Promise.all(named.map((name) => Array.fromAsync(inputsOf(name))))
  const missing = named.filter((_, i) => found[i]?.length === 0)
  return { inputs: [...new Set(found.flat())], missing }
}

async function* inputsOf(name: string): AsyncGenerator<string> {
  if (/^https?:/i.test(name)) return yield name
  const known = await stat(name).catch(() => undefined)
  if (known?.isDirectory()) {
    const below = await Array.fromAsync(glob(IMAGES, { cwd: name }))
    return yield* below.sort().map((file) => path.join(name, file))
  }
  if (known) return yield name
  yield* (await Array.fromAsync(glob(name))).sort()
}
