import { Redis } from 'ioredis'
import { withDeadline } from '../deadline.ts'

/** Longest that a request waits for Redis, in ms. */
export const DEADLINE_MS = 30
/** A connection on which nothing comes back is replaced after this, in ms: after a change of routes no other would. */
export const SILENCE_MS = 2_000
const MAX_RECONNECT_MS = 1_000

/** What Redis answers, or an error past the deadline. */
export const inTime = <T>(ms: number, asking: Promise<T>): Promise<T> =>
  withDeadline(ms, asking, () => new Error('no answer in time'))

/** What the keys begin with, in a Redis that others use too. */
export const PREFIX = 'photo-processor:'

/** A client of Redis that connects when told, again whenever it was away, and refuses commands meanwhile. */
export const openConnection = (url: string, prefix: string): Redis =>
  new Redis(url, {
    lazyConnect: true,
    keyPrefix: prefix,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: SILENCE_MS,
    commandTimeout: SILENCE_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: (times) => Math.min(100 * times, MAX_RECONNECT_MS),
  })
