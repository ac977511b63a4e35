import { openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { isLarge } from '../wasm/large.ts'
import type { RenderAnswer, RenderTask, SpooledAnswer } from './answer.ts'
import { startWatchdog } from './watchdog.ts'

/** Makes an answer of a source, whose bytes are overwritten by the next one. */
type AnswerTo = (source: Uint8Array, task: RenderTask) => Promise<RenderAnswer>

/**
 * A renderer's whole life: it answers to one source after the other, until it is killed or its parent is gone. `load` comes
 * before the first, so that no render is charged with it; where it fails, the answers tell.
 */
export async function serve(answerTo: AnswerTo, load: () => Promise<unknown>): Promise<void> {
  const [, , spool = '', parent = ''] = process.argv
  // Ended by its parent alone: a signal to all processes of the service would fail the pictures that it waits for.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  process.on('disconnect', () => process.exit())
  offerToEnd()
  // After 1,000 calls of a function that WebAssembly imports, V8 compiles a wrapper for it, and now and then ends the process.
  setFlagsFromString('--wasm-wrapper-tiering-budget=1000000000')
  const file = openSync(spool, 'r+')
  removeDirectory(path.dirname(spool))
  const allow = startWatchdog(Number(parent))
  const read = openReader(file)
  process.on('message', async (task: RenderTask) => {
    allow(task.memory)
    process.send?.(spooled(file, await answerTo(read(task.probed.info.bytes), task)))
  })
  await load().catch(() => {})
  process.send?.('ready')
}

/** Where the machine has no memory left, Linux ends a renderer rather than the service (proc(5)). */
function offerToEnd(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Other systems choose by themselves.
  }
}

/** What cannot be removed while it is open, the parent removes at the end. */
function removeDirectory(directory: string): void {
  try {
    rmSync(directory, { recursive: true })
  } catch {}
}

/** Reads the first bytes of a file into the same memory each time: fresh memory costs a page fault for every 4 kB. */
function openReader(file: number): (bytes: number) => Uint8Array {
  let kept = Buffer.alloc(0)
  return (bytes) => {
    const buffer = kept.length < bytes ? Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes))) : kept
    kept = isLarge(buffer.length) ? Buffer.alloc(0) : buffer
    for (let at = 0; at < bytes; ) {
      const count = readSync(file, buffer, at, bytes - at, at)
      if (count === 0) throw new Error(`The spool ends after ${at} bytes`)
      at += count
    }
    return buffer.subarray(0, bytes)
  }
}

/** Leaves the renditions of an answer in the file, which takes a third of the time of a message. */
function spooled(file: number, answer: RenderAnswer): SpooledAnswer {
  if (!('rendered' in answer)) return answer
  let end = 0
  const renditions = answer.rendered.renditions.map(({ data, ...image }) => {
    const start = end
    while (end < start + data.length)
      end += writeSync(file, data, end - start, start + data.length - end, end)
    return { ...image, start, bytes: data.length }
  })
  return { rendered: { ...answer.rendered, renditions } }
}
