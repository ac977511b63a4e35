import type { Config } from '../config/index.ts'
import { guarded } from './guarded.ts'
import type { Storage } from './port.ts'

/** Opens the storage that the configuration names: a bucket, or else directories. */
export async function openStorage(config: Config): Promise<Storage> {
  if (config.s3) return guarded((await import('./s3.ts')).openS3(config.s3))
  return guarded((await import('./directory.ts')).openDirectory(config))
}
