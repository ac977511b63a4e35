/** A loop or consumer that is watched. */
export type Watched = {
  /** It has moved; also where it found that something is away. */
  turned(): void
  /** It has stopped, as it was told to. */
  end(): void
}

/** Which loops and consumers of this process have moved within their deadlines; `/livez` fails while one has not. */
export type Supervision = {
  /** Watches from now on what is expected to call `turned()` at least every `deadlineMs`. */
  watch(name: string, deadlineMs: number): Watched
  /** Names of those that have not, in the order in which they began. */
  late(): string[]
}

export function openSupervision(): Supervision {
  const watched = new Set<{ name: string; deadlineMs: number; movedAt: number }>()
  return {
    watch(name, deadlineMs) {
      const entry = { name, deadlineMs, movedAt: performance.now() }
      watched.add(entry)
      return {
        turned() {
          entry.movedAt = performance.now()
        },
        end() {
          watched.delete(entry)
        },
      }
    },
    late() {
      const now = performance.now()
      return [...watched].filter((entry) => now - entry.movedAt > entry.deadlineMs).map(({ name }) => name)
    },
  }
}
