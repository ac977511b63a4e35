import type { Config } from '../config/index.ts'
import { guarded } from './guarded.ts'
import type { Storage } from './port.ts'

/** Opens the storage that the configuration names: a bucket, or else directories. */
export async function openStorage(config: Config): Promise<Storage> {
  if (config.s3) return guarded((await import('./s3.ts')).openS3(config.s3))
  return guarded(await (await import('./directory.ts')).openDirectory(config))
}

/** How long a check is good that succeeded, or that hangs, in ms: whoever asks for the health makes no load. */
const CHECK_MS = 5_000

const checks = new WeakMap<Storage, { done: Promise<void>; goodUntil: number }>()

/** Checks a storage once for all who ask at the same time, and not again for a while after a success. */
export function checkSparingly(storage: Storage): Promise<void> {
  const last = checks.get(storage)
  if (last && performance.now() < last.goodUntil) return last.done
  const done = storage.check().catch((error) => {
    checks.delete(storage)
    throw error
  })
  checks.set(storage, { done, goodUntil: performance.now() + CHECK_MS })
  return done
}
