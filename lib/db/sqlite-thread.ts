import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { THREAD_ENDED } from '../away.ts'
import type { SqliteAnswer, SqliteRequest, SqliteResult, SqliteThreadData, Step } from './sqlite-message.ts'

/** A thread with a connection to an SQLite file, which runs statements in the order in which they come. */
export type SqliteThread = {
  /** Throws SQLite's own errors, with `errcode`; `since` is when the wait for the file's lock began. */
  run(step: Step, sql: string, parameters: readonly unknown[], since: number): Promise<SqliteResult>
  /** Runs what has come, then ends the thread. */
  close(): Promise<void>
}

const WORKER = new URL(`./sqlite-worker${path.extname(import.meta.url)}`, import.meta.url)

/** For what a statement leaves behind; without a limit it grows to tens of megabytes in each thread. */
const YOUNG_MB = 4

type Waiting = { resolve(result: SqliteResult): void; reject(error: Error): void }

/** Opens a thread, which starts at its first statement, and again after it has died; it keeps no process alive that has nothing to wait for. */
export function openThread(data: SqliteThreadData, workerUrl: URL = WORKER): SqliteThread {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let batch: SqliteRequest[] = []
  let last = 0
  let isClosing = false

  const settle = (id: number) => {
    const found = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0 && !isClosing) worker?.unref()
    return found
  }
  const start = () => {
    // Without what the process was started with: `--input-type`, say, is not for files.
    const started = new Worker(workerUrl, {
      workerData: data,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    started.on('message', (answers: readonly SqliteAnswer[]) => {
      for (const answer of answers)
        if ('error' in answer)
          settle(answer.id)?.reject(Object.assign(new Error(answer.error.message), answer.error))
        else settle(answer.id)?.resolve(answer.result)
    })
    const end = (cause?: Error) => {
      if (worker === started) worker = undefined
      for (const id of [...waiting.keys()])
        settle(id)?.reject(
          Object.assign(new Error(`The thread of ${data.file} ended`, { cause }), { code: THREAD_ENDED }),
        )
    }
    started.on('error', end)
    started.on('exit', () => end())
    return started
  }
  /** What a turn of the event loop brings travels together. */
  const send = () => {
    worker ??= start()
    worker.postMessage(batch)
    batch = []
  }
  return {
    run(step, sql, parameters, since) {
      if (batch.length === 0) process.nextTick(send)
      const id = ++last
      batch.push({ id, step, sql, parameters, since })
      if (waiting.size === 0) worker?.ref()
      return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
    },
    async close() {
      const ending = worker
      if (!ending) return
      // Also while an answer comes: nothing else may keep the process alive until the thread has ended.
      isClosing = true
      ending.ref()
      const ended = new Promise((resolve) => ending.once('exit', resolve))
      ending.postMessage(undefined)
      await ended
      isClosing = false
    },
  }
}
