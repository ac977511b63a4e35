import { expect, test, vi } from 'vitest'
import { openSupervision } from '../../lib/supervision.ts'

test('late is what has not moved within its deadline, until it moves or ends', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    const supervision = openSupervision()
    const relay = supervision.watch('relay', 1_000)
    const consumer = supervision.watch('consumer', 2_000)
    expect(supervision.late()).toEqual([])
    vi.advanceTimersByTime(1_001)
    expect(supervision.late()).toEqual(['relay'])
    relay.turned()
    expect(supervision.late()).toEqual([])
    vi.advanceTimersByTime(1_001)
    expect(supervision.late()).toEqual(['relay', 'consumer'])
    relay.end()
    consumer.turned()
    expect(supervision.late()).toEqual([])
  } finally {
    vi.useRealTimers()
  }
})
