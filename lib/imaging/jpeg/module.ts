import { corrupt } from '../errors.ts'
import { compileWasm, instantiate, isTrap, type WasmModule } from '../wasm.ts'

/** What `assembly/index.ts` exports; addresses and sizes in bytes. */
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
}

/** An instance whose memory has grown beyond this many bytes is not kept: it never shrinks. */
const KEPT_MEMORY = 32 * 2 ** 20

let module: WasmModule | undefined
let kept: Codec | undefined

/** Compiles the module, once in a thread: before the first `useCodec`. */
export async function readyCodec(): Promise<void> {
  module ??= await compileWasm('./jpeg/jpeg.wasm')
}

/**
 * Lends the thread's instance, its memory empty. What `use` returns may share the memory if it says so by `giveAway`,
 * and the next one then gets a new instance.
 */
export function useCodec<T>(use: (codec: Codec, giveAway: () => void) => T): T {
  if (!module) throw new Error('readyCodec must come before useCodec')
  const codec = kept ?? instantiate<Codec>(module)
  kept = undefined
  let mine = true
  try {
    codec.reset()
    const result = use(codec, () => {
      mine = false
    })
    if (mine && codec.memory.buffer.byteLength <= KEPT_MEMORY) kept = codec
    return result
  } catch (error) {
    if (isTrap(error)) throw corrupt('damaged JPEG data', error)
    throw error
  }
}

/** As `useCodec`, which it makes ready. */
export async function withCodec<T>(use: Parameters<typeof useCodec<T>>[0]): Promise<T> {
  await readyCodec()
  return useCodec(use)
}

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
