/** Keeps bytes so that they need not be read again. May forget any of them at any time; never throws. */
export interface Cache {
  /** What was set under a key, or undefined where it is not there or cannot be had in time. */
  get(key: string): Promise<Uint8Array | undefined>
  /** Keeps a value for `ttlMs`; one of more than `MAX_VALUE_BYTES` is not kept. */
  set(key: string, value: Uint8Array, ttlMs: number): Promise<void>
  delete(keys: readonly string[]): Promise<void>
  /** Whether values can be kept now. */
  isUp(): boolean
  close(): Promise<void>
}

/** Largest value that is kept. */
export const MAX_VALUE_BYTES = 1024 * 1024
