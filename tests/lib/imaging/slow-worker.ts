import type { RenderAnswer } from '../../../lib/imaging/worker.ts'

/** A thread that takes a second for nothing. */
export default function work(): RenderAnswer {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
  return { rendered: { source: {} as never, renditions: [], timings: { decode: 0, render: 0 } } }
}
