import type { Bitmap } from '../bitmap.ts'
import type { Header } from '../headers/header.ts'
import { checked, copyIn, useCodec } from '../wasm/module.ts'
import { bytesOfLight, isSrgb, type LinearTables, readMatrix } from './matrix.ts'
import { readProfile } from './profile.ts'

/** Gives a picture in sRGB: a new one, or the same where nothing is to be converted. */
export type ToSrgb = (bitmap: Bitmap) => Bitmap

/** Pixels that are converted together. */
const STRIP = 65_536

let bytesOfSteps: Uint8Array | undefined

/**
 * The conversion to sRGB that an RGB profile with a matrix and tone curves says, perceptual and relative colorimetric alike;
 * a profile that is damaged, or of any other kind, is ignored. `readyCodec` must come before a picture is converted.
 */
export function openConversion(source: Buffer, { icc }: Header): ToSrgb {
  const profile = icc?.space === 'RGB ' ? readProfile(source, icc) : undefined
  const tables = profile && readMatrix(profile)
  return tables && !isSrgb(tables) ? (bitmap) => convert(bitmap, tables) : (bitmap) => bitmap
}

/** Pixels go through WebAssembly in strips, so that the memory there does not grow with their number. */
function convert(bitmap: Bitmap, tables: LinearTables): Bitmap {
  bytesOfSteps ??= bytesOfLight()
  const bytes = bytesOfSteps
  const data = Buffer.allocUnsafeSlow(bitmap.data.length)
  useCodec((codec) => {
    const lightAt = copyIn(codec, new Uint8Array(tables.buffer))
    const bytesAt = copyIn(codec, bytes)
    const stripAt = checked(codec.allocate(Math.min(STRIP * 4, data.length)))
    const memory = new Uint8Array(codec.memory.buffer)
    for (let at = 0; at < data.length; at += STRIP * 4) {
      const strip = bitmap.data.subarray(at, at + STRIP * 4)
      memory.set(strip, stripAt)
      codec.convertColours(stripAt, strip.length / 4, lightAt, bytesAt)
      data.set(memory.subarray(stripAt, stripAt + strip.length), at)
    }
  })
  return { ...bitmap, data }
}
