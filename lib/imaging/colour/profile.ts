import { inflateSync } from 'node:zlib'
import type { EmbeddedProfile } from '../headers/header.ts'
import { MAX_PROFILE_BYTES } from '../headers/icc.ts'

const HEADER_BYTES = 128

/** Profiles have some 10 to 20; lcms too reads no more. */
const MAX_TAGS = 100

/** An ICC profile (ICC.1:2022) of the pixels' colour space; `tag` gives a tag's element, as much of it as is there. */
export type Profile = { bytes: Buffer; tag(signature: string): Buffer | undefined }

/** Takes the profile out of a source; undefined where it is damaged, or for other colours than the pixels have. */
export function readProfile(
  source: Buffer,
  { parts, deflated, space }: EmbeddedProfile,
): Profile | undefined {
  const stored = Buffer.concat(parts.map(({ start, end }) => source.subarray(start, end)))
  const bytes = deflated ? inflate(stored) : stored
  if (bytes.length < HEADER_BYTES + 4 || bytes.toString('latin1', 36, 40) !== 'acsp') return undefined
  if (bytes.toString('latin1', 16, 20) !== space) return undefined
  return { bytes, tag: (signature) => findTag(bytes, signature) }
}

function inflate(stored: Buffer): Buffer {
  try {
    return inflateSync(stored, { maxOutputLength: MAX_PROFILE_BYTES })
  } catch {
    return Buffer.alloc(0)
  }
}

/** The tag table (ICC.1, 7.3) is a count, and for each tag its signature, offset and length. */
function findTag(bytes: Buffer, signature: string): Buffer | undefined {
  const count = Math.min(bytes.readUInt32BE(HEADER_BYTES), MAX_TAGS)
  for (let at = HEADER_BYTES + 4; at < HEADER_BYTES + 4 + 12 * count && at + 12 <= bytes.length; at += 12) {
    if (bytes.toString('latin1', at, at + 4) !== signature) continue
    const start = bytes.readUInt32BE(at + 4)
    return bytes.subarray(start, start + bytes.readUInt32BE(at + 8))
  }
  return undefined
}
