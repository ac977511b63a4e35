import { expect, test, vi } from 'vitest'
import { awayError } from '../../lib/away.ts'
import { openHold } from '../../lib/hold.ts'
import { openSupervision } from '../../lib/supervision.ts'
import { openProgress } from '../../scripts/serve/progress.ts'
import { SETUPS, withApp } from '../support/app.ts'

/** Runs `use` with an app whose storage is away until `end`. */
const withoutStorage = (
  use: (app: Parameters<Parameters<typeof withApp>[1]>[0], end: () => void) => Promise<void>,
) =>
  withApp(SETUPS[0], async (app) => {
    let isAway = true
    const check = async () => {
      if (isAway) throw awayError('storage-unavailable', undefined)
    }
    const end = () => {
      isAway = false
    }
    await use({ ...app, storage: { ...app.storage, check } }, end)
  })

/** A step that fails `times` times, since something is away. */
function failing(code: Parameters<typeof awayError>[0], times: number) {
  let tries = 0
  return async () => {
    if (++tries <= times) throw awayError(code, undefined)
    return tries
  }
}

test('a step waits for what it misses, and for nothing else that is away', () =>
  withoutStorage(async (app, end) => {
    const hold = openHold(app)
    let isStored = false
    const storing = hold.run(failing('storage-unavailable', 1)).then(() => {
      isStored = true
    })
    expect(await hold.run(failing('database-unavailable', 2))).toBe(3)
    expect(isStored).toBe(false)
    let isClear = false
    const clear = hold.clear().then(() => {
      isClear = true
    })
    expect(await hold.run(failing('database-unavailable', 1))).toBe(2)
    expect(isClear).toBe(false)
    end()
    await Promise.all([storing, clear])
  }))

test('messages that wait for what is away are not late, however long that takes', () =>
  withoutStorage(async (app, end) => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      const supervision = openSupervision()
      const hold = openHold(app)
      const progress = openProgress({ ...app, supervision, hold }, 'work')
      const held = progress(async () => {
        await hold.run(failing('storage-unavailable', 1))
      })
      for (let hour = 0; hour < 3; hour++) {
        vi.advanceTimersByTime(3_600_000)
        expect(supervision.late()).toEqual(['messages of work'])
        await vi.waitUntil(() => supervision.late().length === 0, { timeout: 60_000 })
      }
      end()
      await held
      // One that hangs is.
      progress(() => new Promise(() => {}))
      vi.advanceTimersByTime(3_600_000)
      expect(supervision.late()).toEqual(['messages of work'])
    } finally {
      vi.useRealTimers()
    }
  }))
