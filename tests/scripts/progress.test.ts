import { afterEach, expect, test, vi } from 'vitest'
import { readConfig } from '../../lib/config/index.ts'
import { NO_HOLD } from '../../lib/hold.ts'
import { openSupervision } from '../../lib/supervision.ts'
import { openProgress } from '../../scripts/serve/progress.ts'

afterEach(() => vi.useRealTimers())

test('messages in hand are late when none has ended for ten minutes and the time of a photo', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const supervision = openSupervision()
  const config = readConfig({ DOWNLOAD_TIMEOUT_MS: '20000', RENDER_TIMEOUT_MS: '10000' })
  const progress = openProgress({ config, supervision, hold: NO_HOLD }, 'work')
  const hanging = Promise.withResolvers<void>()
  const held = progress(() => hanging.promise)
  vi.advanceTimersByTime(630_000)
  expect(supervision.late()).toEqual([])
  vi.advanceTimersByTime(1)
  expect(supervision.late()).toEqual(['messages of work'])
  await progress(async () => {})
  expect(supervision.late()).toEqual([])
  hanging.resolve()
  await held
  vi.advanceTimersByTime(2_000_000)
  expect(supervision.late()).toEqual([])
})
