/** The smallest buffer; larger ones come in steps of a quarter of the power of two below them. */
export const SMALLEST = 64 * 1024

/** Memory for bodies, used again: fresh memory costs a page fault every 4 kB, and garbage of megabytes full collections. */
export interface BufferPool {
  /** A buffer of at least so many bytes, with whatever in them. */
  take(bytes: number): ArrayBuffer
  /** Takes a buffer back and detaches it, so that views of it are empty. One that is detached is left alone. */
  give(buffer: ArrayBuffer): void
  /** Frees what nobody uses; what is given later is freed at once. */
  close(): void
}

type Idle = { buffer: ArrayBuffer; since: number }

/** A pool that keeps at most `maxIdleBytes` which nobody uses, each buffer no longer than twice `idleMs`. */
export function openBufferPool({ maxIdleBytes = 32 * 1024 * 1024, idleMs = 10_000 } = {}): BufferPool {
  /** Oldest first. */
  const idle: Idle[] = []
  let idleBytes = 0
  let kept = maxIdleBytes
  let timer: NodeJS.Timeout | undefined

  function remove(index: number): ArrayBuffer {
    const [{ buffer }] = idle.splice(index, 1) as [Idle]
    idleBytes -= buffer.byteLength
    return buffer
  }
  /** `transfer(0)` frees memory at once, and not when the collector finds it. */
  const free = (isTooMuch: () => boolean) => {
    while (idle.length > 0 && isTooMuch()) remove(0).transfer(0)
  }
  function freeUnused() {
    const longAgo = performance.now() - idleMs
    free(() => (idle[0]?.since ?? 0) <= longAgo)
    timer = idle.length > 0 ? setTimeout(freeUnused, idleMs).unref() : undefined
  }
  return {
    take(bytes) {
      let fits = -1
      for (const [index, { buffer }] of idle.entries()) {
        // A much larger one is left to those who need it; of equals the one that was used last is still in the caches.
        if (buffer.byteLength < bytes || buffer.byteLength > 2 * Math.max(bytes, SMALLEST)) continue
        if (fits < 0 || buffer.byteLength <= (idle[fits]?.buffer.byteLength ?? 0)) fits = index
      }
      return fits < 0 ? new ArrayBuffer(rounded(bytes)) : remove(fits)
    },
    give(buffer) {
      if (buffer.detached) return
      idle.push({ buffer: buffer.transfer(), since: performance.now() })
      idleBytes += idle.at(-1)?.buffer.byteLength ?? 0
      free(() => idleBytes > kept)
      timer ??= setTimeout(freeUnused, idleMs).unref()
    },
    close() {
      kept = 0
      free(() => true)
      clearTimeout(timer)
    },
  }
}

function rounded(bytes: number): number {
  const step = Math.max(SMALLEST, 2 ** (Math.floor(Math.log2(Math.max(bytes, 1))) - 2))
  return Math.max(1, Math.ceil(bytes / step)) * step
}

/** Bytes that arrive one after the other, in memory of a pool; `release` gives it back, and empties the data. */
export function collectIn(pool: BufferPool, declared?: number) {
  let all = new Uint8Array(pool.take(SMALLEST))
  let size = 0
  return {
    get size() {
      return size
    },
    /**
     * How large the memory must become for so many bytes more; undefined where there is room. What is declared counts only
     * once a sixteenth of it is there: a slow sender that declares much holds little.
     */
    sizeFor(more: number): number | undefined {
      if (size + more <= all.length) return undefined
      return Math.max(size + more, declared && declared <= 16 * size ? declared : 4 * size)
    },
    grow(bytes: number) {
      const larger = new Uint8Array(pool.take(bytes))
      larger.set(all.subarray(0, size))
      pool.give(all.buffer)
      all = larger
    },
    /** Adds bytes for which there is room. */
    add(bytes: Uint8Array) {
      all.set(bytes, size)
      size += bytes.length
    },
    /** Exactly the bytes that were added. */
    data: () => all.subarray(0, size),
    release: () => pool.give(all.buffer),
  }
}
