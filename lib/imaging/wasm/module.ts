import { corrupt } from '../errors.ts'
import { compileWasm, instantiate, isTrap, type WasmModule } from './compile.ts'

/** What `core/index.ts` exports; addresses and sizes in bytes. */
export type Codec = {
  memory: { buffer: ArrayBuffer }
  reset(): void
  allocate(bytes: number): number
  decode(source: number, length: number, scale: number): number
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
}

/** Memory never shrinks, so instances that have more bytes than this are kept for as long as pictures follow closely. */
const KEPT_MEMORY = 32 * 2 ** 20
const LARGE_MEMORY = 256 * 2 ** 20
const LARGE_KEPT_MS = 10_000

/** One that reads sources, one whose pixels are being resized, and one for what is smaller. */
const MOST_KEPT = 3

let module: WasmModule | undefined
let forgetting: NodeJS.Timeout | undefined

/** Instances of this thread that nobody uses, from the one with the least memory. */
let idle: Codec[] = []

/** Instances in whose memory the pixels of a picture lie. */
const lent = new WeakMap<Buffer, Codec>()

/** Compiles the module, once in a thread: before the first `useCodec`. */
export async function readyCodec(): Promise<void> {
  module ??= await compileWasm('./imaging.wasm')
}

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
    if (isTrap(error)) throw corrupt('damaged JPEG data', error)
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
  const able = bytes > KEPT_MEMORY ? idle : idle.filter((codec) => !isLarge(codec))
  const codec = able.find((codec) => memoryOf(codec) >= bytes) ?? able.at(-1)
  idle = idle.filter((other) => other !== codec)
  return codec
}

/** Fresh memory costs a page fault for every 4 kB: as much as all the rest of a large picture. Of large ones one is kept. */
function keep(codec: Codec): void {
  if (memoryOf(codec) > LARGE_MEMORY) return
  if (isLarge(codec)) {
    forgetLarge()
    forgetting ??= setTimeout(forgetLarge, LARGE_KEPT_MS).unref()
    forgetting.refresh()
  }
  idle = [...idle, codec].sort((one, other) => memoryOf(one) - memoryOf(other)).slice(-MOST_KEPT)
}

function forgetLarge(): void {
  idle = idle.filter((codec) => !isLarge(codec))
}

const memoryOf = ({ memory }: Codec) => memory.buffer.byteLength

const isLarge = (codec: Codec) => memoryOf(codec) > KEPT_MEMORY

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
