/** The bytes of one source in memory, from its download to the end of its render. */
export type Share = {
  /** Waits until the source may have so many bytes in all; fewer than it has are given back at once. */
  grow(bytes: number, signal?: AbortSignal): Promise<void>
  /** The source is complete: what it takes will be given back without any more. */
  complete(): void
  release(): void
  /** How long it has waited in all, in ms. */
  waited(): number
}

type Holder = { held: number; isComplete: boolean; waits: Wait | undefined }
type Wait = { holder: Holder; bytes: number; start: () => void }

export type Budget = ReturnType<typeof openBudget>

/**
 * Shares `total` bytes among sources. Who holds bytes goes before who does not yet, and both in the order in which they
 * came, so that no large one waits for ever. Where everyone who holds bytes waits for more, nobody would give any back: then the
 * eldest gets what it asks for, beyond the total by at most its own size. So does a source alone. `onFree` is called when
 * bytes were given back.
 */
export function openBudget(total: number, onFree: () => void) {
  const holders = new Set<Holder>()
  let waiting: Wait[] = []
  let used = 0

  const set = (holder: Holder, bytes: number) => {
    used += bytes - holder.held
    holder.held = bytes
    if (bytes > 0) holders.add(holder)
    else holders.delete(holder)
  }

  const first = () => [...holders].find(({ waits }) => waits)?.waits ?? waiting[0]

  const fits = ({ holder, bytes }: Wait) =>
    used + bytes - holder.held <= total || [...holders].every(({ waits }) => waits !== undefined)

  const letIn = () => {
    for (let next = first(); next && fits(next); next = first()) {
      remove(next)
      set(next.holder, next.bytes)
      next.start()
    }
  }

  const remove = (wait: Wait) => {
    waiting = waiting.filter((each) => each !== wait)
    wait.holder.waits = undefined
  }

  const freed = () => {
    letIn()
    onFree()
  }

  const wait = (holder: Holder, bytes: number, signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const abort = () => {
        remove(waits)
        reject(signal?.reason)
        freed()
      }
      const start = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const waits: Wait = { holder, bytes, start }
      holder.waits = waits
      waiting.push(waits)
      signal?.addEventListener('abort', abort, { once: true })
      letIn()
    })

  return {
    /** Whether a source that begins now would find something left. */
    isOpen: () => waiting.length === 0 && used < total,
    /** Whether complete sources hold bytes: then renders are what the others wait for. */
    hasComplete: () => [...holders].some(({ isComplete }) => isComplete),
    used: () => used,
    open(): Share {
      const holder: Holder = { held: 0, isComplete: false, waits: undefined }
      let waitedMs = 0
      return {
        async grow(bytes, signal) {
          signal?.throwIfAborted()
          const since = performance.now()
          if (bytes > holder.held) await wait(holder, bytes, signal)
          else {
            set(holder, bytes)
            freed()
          }
          waitedMs += performance.now() - since
        },
        complete() {
          holder.isComplete = true
        },
        release() {
          if (holder.held === 0) return
          set(holder, 0)
          freed()
        },
        waited: () => waitedMs,
      }
    },
  }
}
