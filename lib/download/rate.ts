import { AppError } from '../errors.ts'

/** So many bytes at least in each span of so many ms. */
export type LeastRate = { bytes: number; ms: number }

/** Calls `fail` with `download-timeout` once a span has brought less than `rate`; the first span begins now. */
export function watchRate({ bytes, ms }: LeastRate, fail: (error: AppError) => void) {
  let received = 0
  let isPaused = false
  let judging: NodeJS.Immediate | undefined
  const timer = setInterval(() => {
    // Timers come before sockets: what arrived while the process was busy is read first.
    judging = setImmediate(() => {
      if (received < bytes && !isPaused)
        fail(new AppError('download-timeout', `The source sent less than ${bytes} bytes in ${ms / 1000} s`))
      received = 0
    })
  }, ms)
  return {
    count(more: number) {
      received += more
    },
    /** Nothing is read: the source is not to blame for this span. */
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
      received += bytes
    },
    end() {
      clearInterval(timer)
      clearImmediate(judging)
    },
  }
}
