import type { Logger } from 'pino'
import type { Config } from '../config/index.ts'
import { openMemoryCache } from './memory.ts'
import type { Cache } from './port.ts'

/** Opens the cache that the configuration names: Redis, or else the memory of this process. */
export async function openCache({ redisUrl }: Pick<Config, 'redisUrl'>, log: Logger): Promise<Cache> {
  if (!redisUrl) return openMemoryCache()
  return (await import('./redis.ts')).openRedis({ url: redisUrl, log })
}
