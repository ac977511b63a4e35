import { Readable } from 'node:stream'
import { awayError, isStorageAway, lateError } from '../away.ts'
import { withDeadline } from '../deadline.ts'
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
    stream: (...args) =>
      Readable.from(
        inSteps(contentMs, () => storage.stream(...args)),
        { objectMode: false },
      ),
    remove: (key) => answer(storage.remove(key)),
    list: (...args) => inSteps(contentMs, () => storage.list(...args)),
    async *unfinished(everywhere) {
      const found = inSteps(contentMs, (moved) => storage.unfinished(everywhere, moved))
      for await (const one of found) yield { ...one, remove: () => answer(one.remove()) }
    },
    owners: () => answer(storage.owners()),
    setOwner: (id) => answer(storage.setOwner(id)),
    signUpload: (...args) => answer(storage.signUpload(...args)),
    signRead: (...args) => answer(storage.signRead(...args)),
    verifyUpload: verifyUpload && ((fields) => answer(verifyUpload(fields))),
    check: () => answer(storage.check()),
  }
}

const within = <T>(ms: number, calling: Promise<T>): Promise<T> =>
  withDeadline(ms, calling, () => lateError(ms, 'storage-unavailable')).catch((error) => {
    throw asStorageError(error)
  })

/** An error of a backend; `storage-unavailable` where it says that the storage cannot be used now. */
const asStorageError = (error: unknown) =>
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

/** What the storage brings bit by bit: it has `ms` for each, from when it is asked for, or from its last `moved`. */
async function* inSteps<T>(ms: number, read: (moved: () => void) => AsyncIterable<T>): AsyncGenerator<T> {
  const turn = startTurn(ms)
  const entries = read(turn.begin)[Symbol.asyncIterator]()
  try {
    for (;;) {
      turn.begin()
      const { done, value } = await Promise.race([entries.next(), turn.late])
      turn.end()
      if (done) return
      yield value
    }
  } catch (error) {
    throw asStorageError(error)
  } finally {
    turn.end()
    // One that hangs ends when it can; nobody waits for that.
    entries.return?.().catch(() => {})
  }
}
