import { LRUCache } from 'lru-cache'

/** A filter over distances in px of the picture that is made; zero beyond its radius. */
type Filter = {
  radius: number
  /** Values at every `1 / STEPS` px, from the middle. */
  values: Float64Array
}

/** For each sample of a result: the first sample of the source that counts, and the weights of it and of the ones after it. */
export type Kernels = { taps: number; starts: Int32Array; weights: Int16Array }

const STEPS = 256

/** Bytes of weights that are kept: those of a hundred thumbnails of sources of different sizes. */
const KEPT_BYTES = 1_000_000

/** Weights are integers: so many stand for 1. */
const ONE = 1 << 14

export const LANCZOS3 = tabulate(3, lanczos3)

/**
 * Lanczos3 at two samples per px whose means will be taken: the mean of what lies a quarter px left and right weakens a
 * frequency f by c = cos(pi f / 2), so this strengthens it by 4 - 6c + 4c^2 - c^3, nearly 1 / c.
 */
const LANCZOS3_IN_HALVES = tabulate(3.75, (x) => {
  const mean = (shift: number) => (lanczos3(x - shift) + lanczos3(x + shift)) / 2
  const [whole, once, twice, thrice] = [lanczos3(x), mean(0.25), mean(0.5), mean(0.75)]
  return 4 * whole - 6 * once + 2 * (whole + twice) - (3 * once + thrice) / 4
})

function lanczos3(x: number): number {
  if (x === 0) return 1
  if (Math.abs(x) >= 3) return 0
  const angle = Math.PI * x
  return (3 * Math.sin(angle) * Math.sin(angle / 3)) / (angle * angle)
}

function tabulate(radius: number, at: (x: number) => number): Filter {
  return { radius, values: Float64Array.from({ length: radius * STEPS + 2 }, (_, i) => at(i / STEPS)) }
}

/** One axis of a resize: `to` samples are made of the first `extent` (fractional) of `size`. */
type Axis = { size: number; extent: number; to: number }

/**
 * The weights of one axis; the outermost sample goes on beyond the edge. Starts are multiples of `align` (1 or 2); `taps`
 * is even.
 */
export const makeKernels = (axis: Axis, filter: Filter, align: 1 | 2): Kernels =>
  weigh(axis, filter, Math.max(1, axis.extent / axis.to), align)

/** As `makeKernels` by Lanczos3, but for twice as many samples, whose means in pairs are the result. */
export function makeKernelsInHalves({ size, extent, to }: Axis, align: 1 | 2): Kernels {
  // What is enlarged has nothing that means could weaken.
  const filter = extent >= to ? LANCZOS3_IN_HALVES : LANCZOS3
  return weigh({ size, extent, to: 2 * to }, filter, Math.max(1, extent / to), align)
}

/** Photos come in few sizes: weights cost a fiftieth of a thumbnail. */
const kept = new LRUCache<string, Kernels>({
  maxSize: KEPT_BYTES,
  sizeCalculation: ({ starts, weights }) => starts.byteLength + weights.byteLength,
})

/** A px of the filter is `stretch` samples of the source. */
function weigh(axis: Axis, filter: Filter, stretch: number, align: 1 | 2): Kernels {
  const key = [axis.size, axis.extent, axis.to, filter.radius, stretch, align].join()
  const known = kept.get(key)
  if (known) return known
  const kernels = compute(axis, filter, stretch, align)
  kept.set(key, kernels)
  return kernels
}

function compute(
  { size, extent, to }: Axis,
  { radius, values }: Filter,
  stretch: number,
  align: 1 | 2,
): Kernels {
  const support = radius * stretch
  const taps = 2 * Math.ceil((Math.ceil(2 * support) + align - 1) / 2)
  const last = Math.min(size, Math.ceil(extent)) - 1
  const starts = new Int32Array(to)
  const weights = new Int16Array(to * taps)
  const shares = new Float64Array(taps)
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * extent) / to - 0.5
    const from = Math.ceil(centre - support)
    const first = Math.min(Math.max(0, from), last)
    const start = first - (first % align)
    shares.fill(0)
    let sum = 0
    for (let at = from; at < centre + support; at++) {
      const share = interpolate(values, (Math.abs(at - centre) / stretch) * STEPS)
      const tap = Math.min(Math.max(at, 0), last) - start
      shares[tap] = (shares[tap] as number) + share
      sum += share
    }
    starts[i] = start
    setWeights(shares, sum, weights, i * taps)
  }
  return { taps, starts, weights }
}

function interpolate(values: Float64Array, at: number): number {
  const index = Math.floor(at)
  const value = values[index] as number
  return value + ((values[index + 1] as number) - value) * (at - index)
}

/** Rounded so that they add up to one: what rounding took or gave goes to the largest. */
function setWeights(shares: Float64Array, sum: number, weights: Int16Array, at: number): void {
  let [rest, largest] = [ONE, 0]
  for (let tap = 0; tap < shares.length; tap++) {
    const weight = Math.round(((shares[tap] as number) / sum) * ONE)
    weights[at + tap] = weight
    rest -= weight
    if (weight > (weights[at + largest] as number)) largest = tap
  }
  weights[at + largest] = (weights[at + largest] as number) + rest
}
