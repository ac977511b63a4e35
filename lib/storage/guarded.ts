import { awayError, isStorageAway, lateError, withDeadline } from '../away.ts'
import type { Storage } from './port.ts'

/** Longest wait for an answer without content, for one that carries an object or a part of one, in ms. */
const ANSWER_MS = 10_000
const CONTENT_MS = 60_000

type Deadlines = { answerMs?: number; contentMs?: number }

/** The same storage, which throws `storage-unavailable` where it cannot be used now, and where it does not answer in time. */
export function guarded(
  storage: Storage,
  { answerMs = ANSWER_MS, contentMs = CONTENT_MS }: Deadlines = {},
): Storage {
  const answer = <T>(calling: Promise<T>) => within(answerMs, calling)
  const content = <T>(calling: Promise<T>) => within(contentMs, calling)
  const { verifyUpload } = storage
  return {
    put: (...args) => content(storage.put(...args)),
    async putStream(key, source, maxBytes) {
      const turn = startTurn(contentMs)
      const timed = takeTurns(source, turn)
      try {
        return await Promise.race([storage.putStream(key, timed.chunks(), maxBytes), turn.late])
      } catch (error) {
        throw error === timed.failure() ? error : asStorageError(error)
      } finally {
        turn.end()
      }
    },
    read: (...args) => content(storage.read(...args)),
    head: (key) => answer(storage.head(key)),
    stream: (...args) => storage.stream(...args),
    remove: (key) => answer(storage.remove(key)),
    list: (prefix) => inSteps(storage.list(prefix), content),
    unfinished: (everywhere) => inSteps(storage.unfinished(everywhere), content),
    signUpload: (...args) => answer(storage.signUpload(...args)),
    signRead: (...args) => answer(storage.signRead(...args)),
    verifyUpload: verifyUpload && ((fields) => answer(verifyUpload(fields))),
    check: () => answer(storage.check()),
  }
}

const within = <T>(ms: number, calling: Promise<T>): Promise<T> =>
  withDeadline(ms, 'storage-unavailable', calling).catch((error) => {
    throw asStorageError(error)
  })

/** An error of a backend; `storage-unavailable` where it says that the storage cannot be used now. */
export const asStorageError = (error: unknown) =>
  isStorageAway(error) ? awayError('storage-unavailable', error) : error

type Turn = ReturnType<typeof startTurn>

/** Measures the time that the storage takes, and not that of whoever sends: `late` rejects when a turn of it lasts too long. */
function startTurn(ms: number) {
  const { promise: late, reject } = Promise.withResolvers<never>()
  let timer: NodeJS.Timeout | undefined
  const turn = {
    late,
    begin() {
      clearTimeout(timer)
      timer = setTimeout(() => reject(lateError(ms, 'storage-unavailable')), ms)
    },
    end: () => clearTimeout(timer),
  }
  turn.begin()
  return turn
}

/** The same bytes; between one and the next it is the storage's turn. What the source throws is no error of the storage. */
function takeTurns(source: AsyncIterable<Uint8Array>, turn: Turn) {
  let failure: unknown
  return {
    async *chunks() {
      turn.end()
      try {
        for await (const chunk of source) {
          turn.begin()
          yield chunk
          turn.end()
        }
      } catch (error) {
        failure = error
        throw error
      } finally {
        turn.begin()
      }
    },
    failure: () => failure,
  }
}

/** The same entries, for each of which `wait` has its deadline. */
async function* inSteps<T>(
  source: AsyncIterable<T>,
  wait: (next: Promise<IteratorResult<T>>) => Promise<IteratorResult<T>>,
): AsyncGenerator<T> {
  const entries = source[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await wait(entries.next())
    if (done) return
    yield value
  }
}
