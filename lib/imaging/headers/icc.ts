import type { EmbeddedProfile, Range } from './header.ts'

/** The most bytes of a profile, also when inflated: those of printing presses have up to 3 MB. */
export const MAX_PROFILE_BYTES = 4 * 2 ** 20

const JPEG_MAGIC = 'ICC_PROFILE\0'

/** One of the segments that a profile in a JPEG is cut into, counted from 1. */
export type IccSegment = Range & { number: number; count: number }

/** The part of a profile in an APP2 segment of a JPEG (ICC.1:2022, B.4); undefined where the segment holds anything else. */
export function readIccSegment(source: Buffer, { start, end }: Range): IccSegment | undefined {
  const content = start + JPEG_MAGIC.length + 2
  if (content > end || source.toString('latin1', start, content - 2) !== JPEG_MAGIC) return undefined
  return { number: source.readUInt8(content - 2), count: source.readUInt8(content - 1), start: content, end }
}

/** The profile in the segments of a JPEG, in whatever order; undefined where one is missing or there twice. */
export function joinIccSegments(
  segments: readonly IccSegment[],
  components: number,
): EmbeddedProfile | undefined {
  const sorted = segments.toSorted((one, other) => one.number - other.number)
  const isWhole = sorted.every(({ number, count }, i) => number === i + 1 && count === sorted.length)
  const space = ({ 3: 'RGB ', 4: 'CMYK' } as const)[components]
  if (!space || !isWhole) return undefined
  return bounded({ parts: sorted.map(({ start, end }) => ({ start, end })), deflated: false, space })
}

/** The profile in an iCCP chunk of a PNG: a name of 1 to 79 bytes, a zero, the method 0, and the profile, deflated. */
export function readIccpChunk(source: Buffer, { start, end }: Range): EmbeddedProfile | undefined {
  const name = source.subarray(start, Math.min(start + 80, end)).indexOf(0)
  const data = start + name + 2
  if (name < 1 || source[data - 1] !== 0 || data > end) return undefined
  return bounded({ parts: [{ start: data, end }], deflated: true, space: 'RGB ' })
}

/** The profile in an ICCP chunk of a WebP. */
export const readIccChunk = ({ start, end }: Range): EmbeddedProfile | undefined =>
  bounded({ parts: [{ start, end }], deflated: false, space: 'RGB ' })

function bounded(profile: EmbeddedProfile): EmbeddedProfile | undefined {
  const bytes = profile.parts.reduce((sum, { start, end }) => sum + end - start, 0)
  return bytes > 0 && bytes <= MAX_PROFILE_BYTES ? profile : undefined
}
