import type { Config } from '../config/index.ts'
import type { Storage } from './port.ts'

/** Opens the storage that the configuration names: a bucket, or else directories. */
export async function openStorage(config: Config): Promise<Storage> {
  const storage = await openBackend(config)
  return { ...storage, check: sparingly(storage.check) }
}

async function openBackend(config: Config): Promise<Storage> {
  if (config.s3) return (await import('./s3.ts')).openS3(config.s3)
  return (await import('./directory.ts')).openDirectory(config)
}

/** How long a check is good that succeeded, or that hangs, in ms: whoever asks for the health makes no load. */
const CHECK_MS = 5_000

/** Checks once for all who ask at the same time, and not again for a while after a success. */
function sparingly(check: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> | undefined
  let goodUntil = 0
  return () => {
    if (last && performance.now() < goodUntil) return last
    goodUntil = performance.now() + CHECK_MS
    const checked = check().catch((error) => {
      if (last === checked) last = undefined
      throw error
    })
    last = checked
    return checked
  }
}
