/// <reference path="./lcms-wasm.d.ts" />
import { cmsFLAGS_NOOPTIMIZE, INTENT_PERCEPTUAL, instantiate as start } from 'lcms-wasm'
import { compileWasm, instantiate } from '../wasm/compile.ts'

/** What is used of Little CMS, compiled to WebAssembly: addresses in its memory and handles, 0 where there is none. */
type Lcms = {
  memory: { buffer: ArrayBuffer }
  malloc(bytes: number): number
  free(address: number): void
  cmsOpenProfileFromMem(address: number, length: number): number
  cmsCreate_sRGBProfile(): number
  cmsCloseProfile(profile: number): void
  /** The format of pixels with so many bytes a channel, in floats (1) or integers (0). */
  cmsFormatterForColorspaceOfProfile(profile: number, bytes: number, isFloat: 0 | 1): number
  cmsCreateTransform(
    ...args: [from: number, format: number, to: number, format: number, intent: number, flags: number]
  ): number
  cmsDoTransform(transform: number, from: number, to: number, pixels: number): void
  cmsDeleteTransform(transform: number): void
}

let lcms: Lcms | undefined

/** Loads Little CMS, 20 ms, once in a process: before the first `toSrgbByLcms`. */
export async function readyLcms(): Promise<void> {
  if (lcms) return
  const module = await compileWasm('lcms-wasm/dist/lcms.wasm')
  let exports: Lcms | undefined
  await start({
    instantiateWasm: (imports, receive) => {
      exports = instantiate<Lcms>(module, imports)
      receive({ exports })
      return exports
    },
  })
  lcms = exports
}

/**
 * Colours of a profile, `channels` floats each, in sRGB: three floats each, from 0 to 1, and beyond where sRGB ends. Perceptual,
 * with black point compensation. Undefined where lcms does not take the profile.
 */
export function toSrgbByLcms(
  profile: Buffer,
  colours: Float32Array,
  channels: number,
): Float32Array<ArrayBuffer> | undefined {
  if (!lcms) return undefined
  try {
    return transform(lcms, profile, colours, channels)
  } catch {
    // It trapped or aborted, and is of no use any more.
    lcms = undefined
    return undefined
  }
}

function transform(lcms: Lcms, profile: Buffer, colours: Float32Array, channels: number) {
  const pixels = colours.length / channels
  const place = (bytes: number) => {
    const address = lcms.malloc(bytes)
    if (address === 0) throw new RangeError('Array buffer allocation failed')
    return address >>> 0
  }
  const [profileAt, coloursAt, resultAt] = [
    place(profile.length),
    place(colours.byteLength),
    place(pixels * 12),
  ]
  new Uint8Array(lcms.memory.buffer).set(profile, profileAt)
  new Float32Array(lcms.memory.buffer, coloursAt, colours.length).set(colours)
  const from = lcms.cmsOpenProfileFromMem(profileAt, profile.length)
  const to = lcms.cmsCreate_sRGBProfile()
  const made = from ? create(lcms, from, to) : 0
  let result: Float32Array<ArrayBuffer> | undefined
  if (made) {
    lcms.cmsDoTransform(made, coloursAt, resultAt, pixels)
    result = new Float32Array(lcms.memory.buffer.slice(resultAt, resultAt + pixels * 12))
    lcms.cmsDeleteTransform(made)
  }
  if (from) lcms.cmsCloseProfile(from)
  lcms.cmsCloseProfile(to)
  for (const address of [profileAt, coloursAt, resultAt]) lcms.free(address)
  return result
}

/** Not optimised: lcms would first make a table of its own, of 23 nodes a side. */
function create(lcms: Lcms, from: number, to: number): number {
  const format = (profile: number) => lcms.cmsFormatterForColorspaceOfProfile(profile, 4, 1)
  return lcms.cmsCreateTransform(from, format(from), to, format(to), INTENT_PERCEPTUAL, cmsFLAGS_NOOPTIMIZE)
}
