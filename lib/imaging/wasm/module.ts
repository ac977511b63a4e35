import { once } from '../../once.ts'
import { corrupt } from '../errors.ts'
import { compileWasm, instantiate, isTrap, type WasmModule } from './compile.ts'
import { isLarge, mayKeep, onForgetLarge } from './large.ts'

/** What `core/index.ts` exports; addresses and sizes in bytes. */
export type Codec = {
  memory: { buffer: ArrayBuffer }
  reset(): void
  allocate(bytes: number): number
  decode(source: number, length: number, scale: number, halfColours: boolean): number
  outputAddress(): number
  outputWidth(): number
  outputHeight(): number
  openEncoder(width: number, height: number, quality: number): number
  rowsAtOnce(): number
  encodeRows(rows: number): number
  finishImage(): number
  fileEnd(): number
  filterRows(
    from: number,
    fromStride: number,
    to: number,
    toStride: number,
    width: number,
    starts: number,
    weights: number,
    taps: number,
  ): void
  blendRows(rows: number, weights: number, taps: number, to: number, bytes: number): void
  premultiply(at: number, pixels: number): number
  unpremultiply(at: number, pixels: number): void
  keepInks(isKept: boolean): void
  convertInks(at: number, pixels: number, table: number): void
  convertColours(at: number, pixels: number, light: number, bytes: number): void
  openShrink(width: number, height: number, channels: number, side: number): number
  addRows(from: number, count: number): void
  finishShrink(rest: number): void
  decodePng(
    data: number,
    length: number,
    width: number,
    height: number,
    depth: number,
    colourType: number,
    interlaced: boolean,
    table: number,
    side: number,
    rest: number,
  ): number
  pngOutput(): number
}

/** One that reads sources, one whose pixels are being resized, and one for what is smaller. */
const MOST_KEPT = 3

let module: WasmModule | undefined

/** Instances that nobody uses, from the one with the least memory. */
let idle: Codec[] = []

/** Instances in whose memory the pixels of a picture lie. */
const lent = new WeakMap<Buffer, Codec>()

/** Compiles the module, once in a process: before the first `useCodec`. */
export const readyCodec = once(async () => {
  module = await compileWasm('./imaging.wasm')
})

/**
 * Lends an instance, its memory empty, for what takes about so many bytes. Pixels that `use` returns stay in that memory
 * if it says so by `lendTo`: the instance comes back by `takeBack`.
 */
export function useCodec<T>(
  use: (codec: Codec, lendTo: (pixels: Buffer) => void) => T,
  { bytes = 0 } = {},
): T {
  if (!module) throw new Error('readyCodec must come before useCodec')
  const codec = take(bytes) ?? instantiate<Codec>(module)
  let isLent = false
  try {
    codec.reset()
    const result = use(codec, (pixels) => {
      lent.set(pixels, codec)
      isLent = true
    })
    if (!isLent) keep(codec)
    return result
  } catch (error) {
    if (isTrap(error)) throw corrupt('damaged data', error)
    throw error
  }
}

/** As `useCodec`, which it makes ready. */
export async function withCodec<T>(...args: Parameters<typeof useCodec<T>>): Promise<T> {
  await readyCodec()
  return useCodec(...args)
}

/** Ends the loan of memory to a picture, whose pixels must not be looked at any more; other pictures are left alone. */
export function takeBack(pixels: Buffer): void {
  const codec = lent.get(pixels)
  lent.delete(pixels)
  if (codec) keep(codec)
}

/**
 * The instance with the least memory that has so many bytes, or else the one with the most. Large ones are left to large
 * pictures: small ones would keep them.
 */
function take(bytes: number): Codec | undefined {
  const able = isLarge(bytes) ? idle : idle.filter((codec) => !isLarge(memoryOf(codec)))
  const codec = able.find((codec) => memoryOf(codec) >= bytes) ?? able.at(-1)
  idle = idle.filter((other) => other !== codec)
  return codec
}

function keep(codec: Codec): void {
  if (!mayKeep(memoryOf(codec))) return
  idle = [...idle, codec].sort((one, other) => memoryOf(one) - memoryOf(other)).slice(-MOST_KEPT)
}

onForgetLarge(() => {
  idle = idle.filter((codec) => !isLarge(memoryOf(codec)))
})

const memoryOf = ({ memory }: Codec) => memory.buffer.byteLength

/** Copies bytes into the codec's memory and returns their address. Throws a RangeError, as for a Buffer, when there is no room. */
export function copyIn({ memory, allocate }: Codec, bytes: Uint8Array): number {
  const address = checked(allocate(bytes.length))
  new Uint8Array(memory.buffer, address, bytes.length).set(bytes)
  return address
}

/** The address that an allocation returned, if it did. */
export function checked(address: number): number {
  if (address === 0) throw new RangeError('Array buffer allocation failed')
  return address >>> 0
}
