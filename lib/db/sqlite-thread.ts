import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { THREAD_ENDED } from '../away.ts'
import type { SqliteAnswer, SqliteRequest, SqliteResult, SqliteThreadData, Step } from './sqlite-message.ts'

/** A thread with a connection to an SQLite file, which runs statements in the order in which they come. */
type SqliteThread = {
  /** Throws SQLite's own errors, with `errcode`; `since` is when the wait for the file's lock began. */
  run(step: Step, sql: string, parameters: readonly unknown[], since: number): Promise<SqliteResult>
  /** Runs what has come, then ends the thread. */
  close(): Promise<void>
}

const WORKER = new URL(`./sqlite-worker${path.extname(import.meta.url)}`, import.meta.url)

/** For what a statement leaves behind; without a limit it grows to tens of megabytes in each thread. */
const YOUNG_MB = 4

type Waiting = { resolve(result: SqliteResult): void; reject(error: Error): void }

/** A statement that is to be sent, with whoever waits for its result. */
type Sending = Waiting & { request: SqliteRequest }

/** Opens a thread, which starts at its first statement, and again after it has died; it keeps no process alive that has nothing to wait for. */
export function openThread(data: SqliteThreadData, workerUrl: URL = WORKER): SqliteThread {
  let running: ReturnType<typeof startWorker> | undefined
  let batch: Sending[] = []
  let last = 0

  const start = () => {
    const started = startWorker(data, workerUrl, () => {
      if (running === started) running = undefined
    })
    return started
  }
  /** What a turn of the event loop brings travels together. */
  const send = () => {
    running ??= start()
    running.send(batch)
    batch = []
  }
  return {
    run(step, sql, parameters, since) {
      if (batch.length === 0) process.nextTick(send)
      const request = { id: ++last, step, sql, parameters, since }
      return new Promise((resolve, reject) => batch.push({ request, resolve, reject }))
    },
    close: async () => running?.close(),
  }
}

/** Starts a worker with the statements that it is to answer: those of another are not its own. `onEnd` is called when it has died. */
function startWorker(data: SqliteThreadData, workerUrl: URL, onEnd: () => void) {
  const waiting = new Map<number, Waiting>()
  // Without what the process was started with: `--input-type`, say, is not for files.
  const worker = new Worker(workerUrl, {
    workerData: data,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  })
  worker.unref()
  let isClosing = false
  const settle = (id: number) => {
    const found = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0 && !isClosing) worker.unref()
    return found
  }
  worker.on('message', (answers: readonly SqliteAnswer[]) => {
    for (const answer of answers)
      if ('error' in answer)
        settle(answer.id)?.reject(Object.assign(new Error(answer.error.message), answer.error))
      else settle(answer.id)?.resolve(answer.result)
  })
  const end = (cause?: Error) => {
    onEnd()
    for (const id of [...waiting.keys()])
      settle(id)?.reject(
        Object.assign(new Error(`The thread of ${data.file} ended`, { cause }), { code: THREAD_ENDED }),
      )
  }
  worker.on('error', end)
  worker.on('exit', () => end())
  return {
    send(batch: readonly Sending[]) {
      if (waiting.size === 0) worker.ref()
      for (const { request, resolve, reject } of batch) waiting.set(request.id, { resolve, reject })
      worker.postMessage(batch.map(({ request }) => request))
    },
    async close() {
      // Also while an answer comes: nothing else may keep the process alive until the thread has ended.
      isClosing = true
      worker.ref()
      const ended = new Promise((resolve) => worker.once('exit', resolve))
      worker.postMessage(undefined)
      await ended
      isClosing = false
    },
  }
}
