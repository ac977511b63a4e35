import { setTimeout as delay } from 'node:timers/promises'
import type { App } from './app.ts'
import { type AwayCode, awayCode } from './away.ts'
import { checkDatabase } from './db/check.ts'
import { handBackError } from './download/hand-back.ts'

/** Pause before a step is tried again, in ms: doubled from the first to the most. */
const PAUSE = { first: 100, most: 1_000 }

/** How a worker holds what it has, and takes nothing new, while database or storage are away. */
export type Hold = {
  /**
   * Runs a step, again and again while it finds something away, and waits for that alone; what it throws at the end is thrown: of
   * another kind, when the signal aborts, when the worker stops, or the `most`th time that it fails although what it needs was
   * found to be back.
   */
  run<T>(step: () => Promise<T>, options?: { signal?: AbortSignal; most?: number }): Promise<T>
  /** Resolves when nothing is known to be away; throws `handed-back` when the worker stops before. */
  clear(): Promise<void>
  /** Calls `listener` each time that what is away was looked at. */
  onLook(listener: () => void): void
  /** Ends all waits: each step is run once from now on. */
  stop(): void
}

/** Holds until what is away is back. Meanwhile one check for all steps that need it looks at it. */
export function openHold({ db, storage, log }: Pick<App, 'db' | 'storage' | 'log'>): Hold {
  const stopping = new AbortController()
  const { signal: stopped } = stopping
  const away = new Map<AwayCode, Promise<boolean>>()
  const listeners: (() => void)[] = []

  const checks: Record<AwayCode, () => Promise<void>> = {
    'database-unavailable': () => checkDatabase(db),
    'storage-unavailable': () => storage.check(),
  }
  const check = async (code: AwayCode) => {
    try {
      await checks[code]()
      return undefined
    } catch (error) {
      return awayCode(error) && error
    } finally {
      for (const listener of listeners) listener()
    }
  }
  /** Resolves when the check succeeds: to whether it has failed before. */
  const look = async (code: AwayCode) => {
    let error = await check(code)
    if (!error) return false
    log.warn({ code, err: error }, 'away: the worker holds what it has and claims nothing')
    for (let tries = 1; error && !stopped.aborted; tries++) {
      await delay(pauseAfter(tries), undefined, { signal: stopped }).catch(() => {})
      error = await check(code)
    }
    if (!stopped.aborted) log.info({ code }, 'back: the worker goes on')
    return true
  }
  const untilBack = (code: AwayCode) => {
    const looking = away.get(code) ?? look(code).finally(() => away.delete(code))
    away.set(code, looking)
    return looking
  }
  return {
    async run(step, { signal = stopped, most = Number.POSITIVE_INFINITY } = {}) {
      for (let tries = 1; ; tries++) {
        try {
          return await step()
        } catch (error) {
          const code = awayCode(error)
          const ended = AbortSignal.any([signal, stopped])
          if (!code || tries >= most || ended.aborted) throw error
          const wasAway = await untilBack(code)
          if (!wasAway && tries === 1) log.warn({ code, err: error }, 'tried again')
          await delay(pauseAfter(tries), undefined, { signal: ended }).catch(() => {})
          if (ended.aborted) throw error
        }
      }
    },
    async clear() {
      while (away.size > 0) await Promise.all(away.values())
      if (stopped.aborted) throw handBackError('stop')
    },
    onLook: (listener) => listeners.push(listener),
    stop: () => stopping.abort(),
  }
}

/** Holds nothing: for a process that may not wait, such as a function. */
export const NO_HOLD: Hold = {
  run: (step) => step(),
  clear: async () => {},
  onLook: () => {},
  stop: () => {},
}

const pauseAfter = (tries: number) => Math.min(PAUSE.first * 2 ** (tries - 1), PAUSE.most)
