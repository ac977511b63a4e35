let isStarved = false

/** What may befall a renderer in the middle of a picture. */
export const faults = {
  SIGKILL: () => die('SIGKILL'),
  SIGSEGV: () => die('SIGSEGV'),
  SIGTRAP: () => die('SIGTRAP'),
  exit: () => process.exit(9),
  /** V8 ends a process whose heap is used up. */
  heap: () => {
    const all: number[][] = []
    for (;;) all.push(Array.from({ length: 10_000 }, (_, i) => i))
  },
  /** As a decoder that takes what its picture does not need: none of it lies on V8's heap. */
  memory: () => {
    const all: Buffer[] = []
    for (;;) {
      all.push(Buffer.alloc(16 * 2 ** 20, 1))
      sleep(10)
    }
  },
  hang: () => {
    for (;;);
  },
  /** A picture that takes a second. */
  slow: () => sleep(1000),
  /** The next buffer for pixels cannot be had, once in a renderer. */
  starved: () => {
    if (isStarved) return
    isStarved = true
    const allocate = Buffer.allocUnsafeSlow
    Buffer.allocUnsafeSlow = () => {
      Buffer.allocUnsafeSlow = allocate
      throw new RangeError('Array buffer allocation failed')
    }
  },
} satisfies Record<string, () => void>

export type Fault = keyof typeof faults

function die(signal: NodeJS.Signals): never {
  process.kill(process.pid, signal)
  for (;;) sleep(1000)
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
