import { once } from '../../once.ts'
import type { Size } from '../operations.ts'
import { compileWasm, instantiate, type WasmMemory, type WasmModule } from './compile.ts'
import { openKept } from './kept.ts'
import { KEPT_MEMORY } from './large.ts'
import { checked } from './module.ts'

/** What `webp_dec.wasm` of @jsquash/webp exports, by emscripten's short names. */
type Exports = {
  s: WasmMemory
  /** Runs the constructors, which register functions. */
  t(): void
  /** As malloc and free. */
  u(bytes: number): number
  v(address: number): void
  y: { get(index: number): (...values: number[]) => number }
}

/** RGBA in memory of the decoder, which it gives back as soon as it has shown them. */
export type WebpPixels = { width: number; height: number; data: Uint8Array }

type Decoder = {
  /** Returns whether the source could be decoded with so much memory; calls `show` if so. */
  decode(source: Uint8Array, mostBytes: number, show: (pixels: WebpPixels) => unknown): boolean
  memory: WasmMemory
  /** Makes the memory as that of a new instance. */
  wipe(): void
}

let module: WasmModule | undefined
const kept = openKept<Decoder>(({ memory }) => memory.buffer.byteLength)

/** Compiles the decoder, once in a process: before the first `showWebp`. */
export const readyWebpDecoder = once(async () => {
  module = await compileWasm('@jsquash/webp/codec/dec/webp_dec.wasm')
})

/**
 * Chunks that the lossless decoder reads. That of libwebp 1.1, which the package has, can be made to write beyond its tables
 * (CVE-2023-4863): what has seen such a chunk is wiped, so that no other picture is touched.
 */
const LOSSLESS_CHUNKS = ['VP8L', 'ALPH']

/** Room for tables of codes: a lossless picture may have thousands of them, in hostile files for a gigabyte. */
const TABLES_BYTES = 48 * 2 ** 20

/**
 * Decodes a WebP of so many pixels to RGBA for `show`. Returns whether it could. A lossless picture lies in memory twice. All
 * may have as much memory as an instance that they can be given, so that it makes no difference what was decoded before.
 */
export function showWebp(
  source: Buffer,
  { width, height }: Size,
  show: (pixels: WebpPixels) => unknown,
): boolean {
  if (!module) throw new Error('readyWebpDecoder must come before showWebp')
  const most = Math.max(KEPT_MEMORY, 8 * width * height + 3 * source.length + TABLES_BYTES)
  const decoder = kept.take(most) ?? openDecoder(module)
  const isDecoded = decoder.decode(source, most, show)
  if (LOSSLESS_CHUNKS.some((name) => source.includes(name, 0, 'latin1'))) decoder.wipe()
  kept.giveBack(decoder)
  return isDecoded
}

const PAGE = 65_536

/**
 * The module calls what embind, emscripten's glue, would be: it registers its functions, and makes JavaScript objects of the
 * pixels. The package's own glue copies all pixels for that, and hides the memory.
 */
function openDecoder(module: WasmModule): Decoder {
  let shown: (pixels: WebpPixels) => unknown = () => {}
  let address = 0
  let limit = 0
  let decodeFunction: (string: number) => number = () => 0
  const view = () => new DataView(exports.s.buffer)
  const ignore = () => 0
  const fail = () => {
    throw new Error('The WebP decoder stopped')
  }

  /** `decode` is the only function that takes an argument. */
  const registerFunction = (_name = 0, types = 0, _typesAt = 0, _signature = 0, invoker = 0, target = 0) => {
    if (types === 2) decodeFunction = (string) => exports.y.get(invoker)(target, string)
  }

  /** `new Uint8ClampedArray(memory view)`, then `new ImageData(array, width, height)`: values lie 8 bytes apart. */
  const construct = (_type = 0, values = 0, _types = 0, at = 0) => {
    if (values === 1) address = view().getUint32(at + 4, true)
    else {
      const [width, height] = [view().getInt32(at + 8, true), view().getInt32(at + 16, true)]
      shown({ width, height, data: new Uint8Array(exports.s.buffer, address, width * height * 4) })
    }
    return 0
  }

  const grow = (bytes = 0) => {
    if (bytes >>> 0 > limit) return 0
    try {
      exports.s.grow(Math.ceil(((bytes >>> 0) - exports.s.buffer.byteLength) / PAGE))
      return 1
    } catch {
      throw new RangeError('Array buffer allocation failed')
    }
  }

  const all = () => new Uint8Array(exports.s.buffer)
  const copy = (to = 0, from = 0, bytes = 0) => all().copyWithin(to, from, from + bytes)

  const exports: Exports = instantiate<Exports>(module, {
    a: {
      ...Object.fromEntries([...'abdefgiklmor'].map((name) => [name, ignore])),
      c: registerFunction,
      h: construct,
      j: fail,
      n: fail,
      p: grow,
      q: copy,
    },
  })
  exports.t()
  const fresh = withoutZeroPages(all())
  return {
    memory: exports.s,
    wipe: () => all().fill(0).set(fresh),
    decode(source, mostBytes, show) {
      let isShown = false
      limit = mostBytes
      shown = (pixels) => {
        isShown = true
        show(pixels)
      }
      // A string as embind hands it over: its length, then its bytes.
      const string = checked(exports.u(source.length + 4))
      view().setUint32(string, source.length, true)
      all().set(source, string + 4)
      decodeFunction(string)
      exports.v(string)
      return isShown
    },
  }
}

/** A copy of the pages up to the last one that is not all zero. */
function withoutZeroPages(memory: Uint8Array): Uint8Array {
  const zero = Buffer.alloc(PAGE)
  let end = memory.length
  while (end > 0 && zero.equals(memory.subarray(end - PAGE, end))) end -= PAGE
  return memory.slice(0, end)
}
