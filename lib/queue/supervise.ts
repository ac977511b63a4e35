import { setTimeout as delay } from 'node:timers/promises'
import type { ChannelModel } from 'amqplib'
import type { Logger } from 'pino'
import { withDeadline } from '../deadline.ts'
import { abandon, connect, disconnect } from './connection.ts'

/** How often everything that the broker holds for this process is looked at, in ms. */
const CHECK_INTERVAL_MS = 3_000
/** Longest that looking, and repairing, may take: a broker that is slower counts as gone. */
const CHECK_DEADLINE_MS = 5_000
/** The same for the first look on a connection, which may have everything to declare. */
const FIRST_DEADLINE_MS = 15_000
/** Shortest time between two looks, in ms. */
const CHECK_PAUSE_MS = 100
/** Pause before the connection is tried again, in ms; it grows to the longest. */
const RECONNECT_MS = 200
const LONGEST_RECONNECT_MS = 1_500

/** Publishing apart: during an alarm the broker reads nothing more from a connection that publishes, not even acknowledgements. */
type Connections = { consuming: ChannelModel; publishing: ChannelModel }

type Options = {
  url: string
  /** Makes everything be as it should on these connections; called again and again. */
  keep(connections: Connections): Promise<void>
  /** Forgets connections that have ended. */
  drop(): void
  /** Called after each turn, whatever came of it. */
  onTurn(): void
  log: Logger
}

/**
 * Holds connections to the broker, and has all that is on them looked at and repaired every 3 s, or at once after `wake`.
 * Connections on which that fails or takes too long are replaced by new ones.
 */
export function supervise(options: Options) {
  const { url, keep, drop, onTurn, log } = options
  const closing = new AbortController()
  const { signal } = closing
  let woken = Promise.withResolvers<void>()

  const run = async () => {
    let pause = RECONNECT_MS
    while (!signal.aborted) {
      const lost = Promise.withResolvers<never>()
      lost.promise.catch(() => {})
      const onLost = (why: string) => lost.reject(new Error(why))
      const open: ChannelModel[] = []
      try {
        for (const _ of ['consuming', 'publishing']) open.push(await connect(url, onLost))
        const [consuming, publishing] = open as [ChannelModel, ChannelModel]
        let deadlineMs = FIRST_DEADLINE_MS
        while (!signal.aborted) {
          woken = Promise.withResolvers()
          await withDeadline(
            deadlineMs,
            Promise.race([keep({ consuming, publishing }), lost.promise]),
            tooLate,
          )
          deadlineMs = CHECK_DEADLINE_MS
          onTurn()
          pause = RECONNECT_MS
          await delay(CHECK_PAUSE_MS)
          await Promise.race([
            woken.promise,
            lost.promise,
            delay(CHECK_INTERVAL_MS, undefined, { ref: false }),
          ])
        }
        await Promise.all(open.map(disconnect))
      } catch (error) {
        log.warn({ err: (error as Error).message }, 'broker not reachable, trying again')
      } finally {
        drop()
        for (const connection of open) abandon(connection)
        onTurn()
      }
      await delay(pause, undefined, { signal }).catch(() => {})
      pause = Math.min(pause * 1.5, LONGEST_RECONNECT_MS)
    }
  }

  const running = run()
  return {
    /** Looks at everything now. */
    wake: () => woken.resolve(),
    async close(): Promise<void> {
      closing.abort()
      woken.resolve()
      await running
    },
  }
}

const tooLate = () => new Error('the broker does not answer')
