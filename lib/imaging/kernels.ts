/** For each sample of a result: the first sample of the source that counts, and the weights of it and the ones after it. */
export type Kernel = { taps: number; starts: Int32Array; weights: Int16Array }

const LOBES = 3

/** Weights are integers: so many stand for 1. */
const ONE = 1 << 14

/**
 * The weights that make `to` samples of the first `extent` (fractional) of `size`, by Lanczos3, which is stretched when
 * that makes fewer of them; beyond the edges the outermost sample goes on. `taps` is a multiple of `step`.
 */
export function makeKernels(size: number, extent: number, to: number, step: number): Kernel {
  const scale = extent / to
  const stretch = Math.max(1, scale)
  const support = LOBES * stretch
  const taps = Math.ceil(Math.ceil(2 * support) / step) * step
  const last = Math.min(size, Math.ceil(extent)) - 1
  const starts = new Int32Array(to)
  const weights = new Int16Array(to * taps)
  const shares = new Float64Array(taps)
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale - 0.5
    const from = Math.ceil(centre - support)
    const start = Math.min(Math.max(0, from), last)
    shares.fill(0)
    let sum = 0
    for (let at = from; at < centre + support; at++) {
      const share = lanczos((at - centre) / stretch)
      const tap = Math.min(Math.max(at, 0), last) - start
      shares[tap] = (shares[tap] as number) + share
      sum += share
    }
    starts[i] = start
    setWeights(shares, sum, weights.subarray(i * taps, (i + 1) * taps))
  }
  return { taps, starts, weights }
}

/** Rounded so that they add up to one: what rounding took or gave goes to the largest. */
function setWeights(shares: Float64Array, sum: number, weights: Int16Array): void {
  let [rest, largest] = [ONE, 0]
  for (const [tap, share] of shares.entries()) {
    const weight = Math.round((share / sum) * ONE)
    weights[tap] = weight
    rest -= weight
    if (weight > (weights[largest] as number)) largest = tap
  }
  weights[largest] = (weights[largest] as number) + rest
}

function lanczos(x: number): number {
  if (x === 0) return 1
  if (Math.abs(x) >= LOBES) return 0
  const angle = Math.PI * x
  return (LOBES * Math.sin(angle) * Math.sin(angle / LOBES)) / (angle * angle)
}
