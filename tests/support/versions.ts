import { expect } from 'vitest'
import { decoded } from './reference.ts'

/** Sides of the upload that `expectVersions` is about, in px. */
export const ORIGINAL = { width: 2600, height: 1950 }

/** Fetches the five versions of an upload of those sides, each from where `at` says, and expects what the projects door promises. */
export async function expectVersions(
  versions: Readonly<Record<string, string>>,
  original: Uint8Array,
  at: (url: string) => string = (url) => url,
): Promise<void> {
  const sizes: Record<string, string> = {}
  for (const [name, url] of Object.entries(versions)) {
    const bytes = new Uint8Array(await (await fetch(at(url))).arrayBuffer())
    if (name === 'original') expect(bytes).toEqual(original)
    const { width, height } = await decoded(bytes)
    sizes[name] = `${width}x${height}`
  }
  expect(sizes).toEqual({
    original: '2600x1950',
    thumb: '150x113',
    big_thumb: '700x525',
    big_1920: '1440x1080',
    d2500: '2500x1875',
  })
}
