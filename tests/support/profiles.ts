import { deflateSync } from 'node:zlib'
import { extendedWebp, jpegSegment, jpegWithSegments, pngChunk, riffChunk } from './images.ts'

/** ICC profiles, made in code, and pictures that have them. Numbers of 16 bits behind the point are `s15Fixed16`. */

/** Red, green and blue in XYZ under D50, as B. Lindbloom gives them. */
const COLORANTS = {
  displayP3: [0.51512, 0.2412, -0.00105, 0.29198, 0.69225, 0.04189, 0.1571, 0.06657, 0.78407],
  adobeRgb: [0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457],
  proPhoto: [0.79767, 0.28804, 0, 0.13519, 0.71188, 0, 0.03134, 0.00009, 0.82491],
  rec2020: [0.67348, 0.27904, -0.00194, 0.16566, 0.67534, 0.02998, 0.1251, 0.04561, 0.79686],
  eciRgb: [0.6502, 0.32025, 0, 0.17808, 0.60207, 0.06784, 0.13594, 0.07768, 0.75737],
  srgb: [0.43607, 0.22249, 0.01392, 0.38515, 0.71687, 0.09708, 0.14307, 0.06061, 0.7141],
}

function fixed(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeInt32BE(Math.round(value * 65_536), 4 * i)
  return bytes
}

/** An element of a tag: its type, four zeros, its content. */
export const element = (type: string, ...parts: Buffer[]) =>
  Buffer.concat([Buffer.from(`${type}\0\0\0\0`, 'latin1'), ...parts])

/** An element of type `curv`: the values as they are stored, of 16 bits. */
export function curve(values: readonly number[], count = values.length): Buffer {
  const bytes = Buffer.alloc(4 + 2 * values.length)
  bytes.writeUInt32BE(count)
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, 4 + 2 * i)
  return element('curv', bytes)
}

/** A curve of so many samples of a function from 0..1 to 0..1. */
const table = (count: number, at: (value: number) => number) =>
  curve(Array.from({ length: count }, (_, i) => Math.round(65_535 * at(i / (count - 1)))))

/** An element of type `para`: g, a, b, c, d, e, f, as many as the type has. */
export const formula = (type: number, ...parameters: number[]): Buffer =>
  element('para', Buffer.from([0, type, 0, 0]), fixed(parameters))

export const xyz = (...values: number[]): Buffer => element('XYZ ', fixed(values))

/** CIE L*, to luminance. */
const lightness = (value: number) => (value > 0.08 ? ((value + 0.16) / 1.16) ** 3 : value / 9.033)

const srgbFormula = formula(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

export const CURVES = {
  'nothing, which is the identity': curve([]),
  'an exponent': curve([Math.round(2.2 * 256)]),
  'a table of 2': curve([0, 65_535]),
  'a table of 1024': table(1024, lightness),
  'a formula of type 0': formula(0, 1.8),
  'a formula of type 1': formula(1, 2.2, 1.1, -0.1),
  'a formula of type 2': formula(2, 2, 1.05, -0.05, 0),
  'a formula of type 3': srgbFormula,
  'a formula of type 4': formula(4, 2.2, 0.9, 0.1, 0.2, 0.05, -0.003, 0),
}

type ProfileParts = {
  colorants?: readonly number[]
  curve?: Buffer
  space?: string
  connection?: string
  version?: 2 | 4
  /** Elements by their signatures, over those of a matrix and curves; undefined leaves one out. */
  elements?: Record<string, Buffer | undefined>
}

/** A display profile with a matrix and curves (ICC.1). */
export function makeProfile(parts: ProfileParts = {}): Buffer {
  const {
    colorants = COLORANTS.displayP3,
    curve: trc = srgbFormula,
    space = 'RGB ',
    connection = 'XYZ ',
  } = parts
  const column = (i: number) => xyz(...colorants.slice(3 * i, 3 * i + 3))
  const text = (name: string) => element('text', Buffer.from(`${name}\0`, 'latin1'))
  const elements = Object.entries({
    desc: element('desc', Buffer.from('\0\0\0\x05test\0', 'latin1'), Buffer.alloc(78)),
    cprt: text('none'),
    wtpt: xyz(0.9642, 1, 0.8249),
    ...{ rXYZ: column(0), gXYZ: column(1), bXYZ: column(2), rTRC: trc, gTRC: trc, bTRC: trc },
    ...parts.elements,
  }).flatMap(([signature, content]) => (content ? [{ signature, content: padded(content) }] : []))
  const directory = Buffer.alloc(4 + 12 * elements.length)
  directory.writeUInt32BE(elements.length)
  let end = 128 + directory.length
  for (const [i, { signature, content }] of elements.entries()) {
    directory.write(signature, 4 + 12 * i, 'latin1')
    directory.writeUInt32BE(end, 8 + 12 * i)
    directory.writeUInt32BE(content.length, 12 + 12 * i)
    end += content.length
  }
  const header = Buffer.alloc(128)
  header.writeUInt32BE(end)
  header.writeUInt32BE((parts.version ?? 4) << 24, 8)
  header.write(`mntr${space}${connection}`, 12, 'latin1')
  header.write('acsp', 36, 'latin1')
  fixed([0.9642, 1, 0.8249]).copy(header, 68)
  return Buffer.concat([header, directory, ...elements.map(({ content }) => content)])
}

const padded = (content: Buffer) => Buffer.concat([content, Buffer.alloc(-content.length & 3)])

export const PROFILES = {
  'Display P3': makeProfile(),
  'Adobe RGB': makeProfile({ colorants: COLORANTS.adobeRgb, curve: curve([563]), version: 2 }),
  ProPhoto: makeProfile({ colorants: COLORANTS.proPhoto, curve: curve([461]), version: 2 }),
  'Rec. 2020': makeProfile({
    colorants: COLORANTS.rec2020,
    curve: formula(3, 1 / 0.45, 1 / 1.0993, 0.0993 / 1.0993, 1 / 4.5, 0.0814),
  }),
  'L*': makeProfile({ colorants: COLORANTS.eciRgb, curve: CURVES['a table of 1024'], version: 2 }),
  'a camera': makeProfile({
    elements: { rTRC: CURVES['a formula of type 4'], gTRC: formula(0, 2), bTRC: curve([512]) },
  }),
}

/** With the numbers of sRGB IEC61966-2.1, which most profiles of sRGB have. */
export const SRGB = makeProfile({ colorants: COLORANTS.srgb })

const MOST_IN_SEGMENT = 65_519

/** Part `number` of `count` of a profile, as an APP2 segment of a JPEG. */
export const iccSegment = (part: Buffer, number: number, count: number): Buffer =>
  jpegSegment(
    0xe2,
    Buffer.concat([Buffer.from('ICC_PROFILE\0', 'latin1'), Buffer.from([number, count]), part]),
  )

/** A profile as segments of so many bytes at most. */
export function iccSegments(profile: Buffer, bytes = MOST_IN_SEGMENT): Buffer[] {
  const count = Math.ceil(profile.length / bytes)
  return Array.from({ length: count }, (_, i) =>
    iccSegment(profile.subarray(i * bytes, (i + 1) * bytes), i + 1, count),
  )
}

export const jpegWithProfile = (image: Buffer, profile: Buffer): Buffer =>
  jpegWithSegments(image, iccSegments(profile))

/** A PNG with an iCCP chunk of that content behind its IHDR. */
export const pngWithIccp = (image: Buffer, content: Buffer): Buffer =>
  Buffer.concat([image.subarray(0, 33), pngChunk('iCCP', content), image.subarray(33)])

export const pngWithProfile = (image: Buffer, profile: Buffer): Buffer =>
  pngWithIccp(image, Buffer.concat([Buffer.from('test\0\0', 'latin1'), deflateSync(profile)]))

/** Of a WebP without an extended header. */
export const webpWithProfile = (
  image: Buffer,
  { width, height }: { width: number; height: number },
  profile: Buffer,
): Buffer => extendedWebp(width, height, 0x20, [riffChunk('ICCP', profile), image.subarray(12)])
