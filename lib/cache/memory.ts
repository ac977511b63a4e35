import { LRUCache } from 'lru-cache'
import { type Cache, MAX_VALUE_BYTES } from './port.ts'

/** Bytes kept in all; what was not read for the longest time goes first. */
const MAX_BYTES = 64 * 1024 * 1024

/** A cache in the memory of this process. */
export function openMemoryCache(maxBytes = MAX_BYTES): Cache {
  const kept = new LRUCache<string, Uint8Array>({
    maxSize: maxBytes,
    maxEntrySize: MAX_VALUE_BYTES,
    // The key counts as well; without it empty values would be kept without end.
    sizeCalculation: (value, key) => value.byteLength + key.length,
  })
  return {
    get: async (key) => kept.get(key),
    async set(key, value, ttl) {
      kept.set(key, value, { ttl })
    },
    async delete(keys) {
      for (const key of keys) kept.delete(key)
    },
    isUp: () => true,
    close: async () => kept.clear(),
  }
}
