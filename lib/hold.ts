import { setTimeout as delay } from 'node:timers/promises'
import type { App } from './app.ts'
import { awayCode } from './away.ts'
import { checkDatabase } from './db/check.ts'
import { handBackError } from './download/hand-back.ts'

/** Pause before a step is tried again, in ms: doubled from the first to the most. */
const PAUSE = { first: 100, most: 1_000 }

/** How a worker holds what it has, and takes nothing new, while database or storage are away. */
export type Hold = {
  /**
   * Runs a step, again and again while it finds something away; what it throws at the end is thrown: of another kind, when
   * the signal aborts, when the worker stops, or the `most`th time that it fails although what it needs was found to be back.
   */
  run<T>(step: () => Promise<T>, options?: { signal?: AbortSignal; most?: number }): Promise<T>
  /** Resolves when nothing is known to be away; throws `handed-back` when the worker stops before. */
  clear(): Promise<void>
  /** Ends all waits: each step is run once from now on. */
  stop(): void
}

/** Holds until database and storage are back. While they are away, one check for all steps looks after them. */
export function openHold({ db, storage, log }: Pick<App, 'db' | 'storage' | 'log'>): Hold {
  const stopping = new AbortController()
  const { signal: stopped } = stopping
  let away: Promise<boolean> | undefined

  const check = async () => {
    try {
      await Promise.all([checkDatabase(db), storage.check()])
      return undefined
    } catch (error) {
      return awayCode(error) && error
    }
  }
  /** Resolves when the checks succeed: to whether they have failed before. */
  const look = async () => {
    let error = await check()
    if (!error) return false
    log.warn({ code: awayCode(error), err: error }, 'away: the worker holds what it has and claims nothing')
    for (let tries = 1; error && !stopped.aborted; tries++) {
      await delay(pauseAfter(tries), undefined, { signal: stopped }).catch(() => {})
      error = await check()
    }
    if (!stopped.aborted) log.info('back: the worker goes on')
    return true
  }
  const untilBack = () => {
    away ??= look().finally(() => {
      away = undefined
    })
    return away
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
          const wasAway = await untilBack()
          if (!wasAway && tries === 1) log.warn({ code, err: error }, 'tried again')
          await delay(pauseAfter(tries), undefined, { signal: ended }).catch(() => {})
          if (ended.aborted) throw error
        }
      }
    },
    async clear() {
      await away
      if (stopped.aborted) throw handBackError('stop')
    },
    stop: () => stopping.abort(),
  }
}

/** Holds nothing: for a process that may not wait, such as a function. */
export const NO_HOLD: Hold = { run: (step) => step(), clear: async () => {}, stop: () => {} }

const pauseAfter = (tries: number) => Math.min(PAUSE.first * 2 ** (tries - 1), PAUSE.most)
