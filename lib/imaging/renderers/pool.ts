import { setTimeout as delay } from 'node:timers/promises'
import { AppError } from '../../errors.ts'
import { broken } from '../errors.ts'
import type { RenderAnswer, RenderTask } from './answer.ts'
import { type Death, isDeath, type Reason, type Renderer, startRenderer } from './start.ts'

/** Renderers, as many as are used at once: each is started when it is needed, and ended when it is not. */
export type Renderers = {
  /** Throws `render-timeout`, `render-crashed` for a renderer that died, or `imaging-broken` where none can be started. */
  render(source: Uint8Array, task: RenderTask): Promise<RenderAnswer>
  /** Ends all renderers, and whatever they do. */
  close(): Promise<void>
}

type RenderersOptions = {
  program: URL
  /** Counted from when a renderer takes the source. */
  timeoutMs: number
  /** Called for each renderer that died. */
  onDeath: (reason: Reason) => void
  /** Aborts the wait for the next start. */
  signal: AbortSignal
  /** How long a renderer that has nothing to do keeps its memory. */
  idleMs?: number
}

/** From a start that failed to the next one, in ms: doubled for each that follows, up to the most. */
const BACKOFF = { first: 1000, most: 30_000 }

/** Opens a pool, which starts nothing yet. */
export function openRenderers({
  program,
  timeoutMs,
  onDeath,
  signal,
  idleMs = 30_000,
}: RenderersOptions): Renderers {
  const all = new Set<Renderer>()
  /** With what ends each; the one that rendered last is the last. */
  const idle = new Map<Renderer, NodeJS.Timeout>()
  let failedStarts = 0
  let nextStart = 0

  /** Who ends a renderer while it starts says nothing of the next one. */
  const startAgain = () =>
    startRenderer(program).catch((error) => {
      if (!isDeath(error) || !error.reason.startsWith('SIG')) throw error
      onDeath(error.reason)
      return startRenderer(program)
    })

  const start = async () => {
    const renderer = await startAgain().catch((error) => {
      nextStart = performance.now() + Math.min(BACKOFF.first * 2 ** failedStarts++, BACKOFF.most)
      onDeath('start')
      throw broken('no renderer can be started', error)
    })
    failedStarts = 0
    all.add(renderer)
    renderer.onDeath((reason) => {
      onDeath(reason)
      void end(renderer)
    })
    return renderer
  }

  const end = async (renderer: Renderer) => {
    clearTimeout(idle.get(renderer))
    idle.delete(renderer)
    await renderer.end()
    all.delete(renderer)
  }

  const takeIdle = () => {
    const [renderer, timer] = [...idle].at(-1) ?? []
    clearTimeout(timer)
    if (renderer) idle.delete(renderer)
    return renderer
  }

  const take = async () => {
    const wait = nextStart - performance.now()
    if (idle.size === 0 && wait > 0)
      await delay(wait, undefined, { signal }).catch(() => {
        throw new AppError('imaging-closed', 'The service is shutting down')
      })
    return takeIdle() ?? start()
  }

  return {
    async render(source, task) {
      const renderer = await take()
      try {
        return await renderer.render(source, task, timeoutMs)
      } catch (error) {
        throw isDeath(error) ? asAppError(error, timeoutMs) : error
      } finally {
        if (renderer.isAlive()) idle.set(renderer, setTimeout(() => void end(renderer), idleMs).unref())
      }
    },
    async close() {
      await Promise.all([...all].map(end))
    },
  }
}

function asAppError(death: Death, timeoutMs: number): AppError {
  if (death.reason === 'timeout') return new AppError('render-timeout', `Not rendered within ${timeoutMs} ms`)
  return new AppError('render-crashed', 'The process that rendered the image died', {
    // A renderer has its memory for itself: it would not have more of it another time.
    mostAttempts: death.reason === 'memory' ? 2 : undefined,
    cause: death,
  })
}
