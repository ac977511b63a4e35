import { expect, test, vi } from 'vitest'
import { openBudget } from '../../../lib/download/budget.ts'
import { openCircuit } from '../../../lib/download/circuit.ts'
import { openFlow } from '../../../lib/download/flow.ts'
import { type Limits, openSchedule, type Place } from '../../../lib/download/schedule.ts'
import { until } from '../../support/service.ts'

const urlOf = (host: string, path = '/photo.jpg') => new URL(path, `http://${host}`)

/** A schedule, and what came of each photo that entered it, by name. */
function scheduled(limits: Partial<Limits> = {}) {
  const reasons: string[] = []
  const schedule = openSchedule(
    { downloads: 8, downloadsPerHost: 2, downloadMemory: 1000, ...limits },
    ({ hostname, pathname }) => hostname === 'bucket' && pathname.startsWith('/own/'),
  )
  const running: string[] = []
  const delays: number[] = []
  const enter = (host: string, path?: string): Place => {
    const place = schedule.open()
    place.enter(urlOf(host, path)).then(
      () => running.push(host),
      ({ code, reason, retryAfterMs }) => {
        expect(code).toBe('handed-back')
        reasons.push(reason)
        delays.push(retryAfterMs)
      },
    )
    return place
  }
  const count = (host: string) => running.filter((each) => each === host).length
  return { schedule, reasons, delays, enter, count }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('one host has half of the downloads while no other waits, then few', async () => {
  const { enter, count, schedule } = scheduled()
  const slow = Array.from({ length: 6 }, () => enter('slow'))
  await settled()
  expect(count('slow')).toBe(4)
  const other = Array.from({ length: 5 }, () => enter('other'))
  await settled()
  // Photos of the first wait already: each host has its few from now on.
  expect(count('other')).toBe(2)
  slow[0]?.leave('in-time')
  slow[1]?.leave('in-time')
  await settled()
  expect([count('slow'), count('other')]).toEqual([4, 2])
  slow[2]?.leave('in-time')
  await settled()
  expect([count('slow'), count('other')]).toEqual([5, 2])
  other[0]?.leave('in-time')
  await settled()
  expect([count('slow'), count('other')]).toEqual([5, 3])
  expect(schedule.state()).toMatchObject({ running: 4, waiting: 3 })
})

test('who waits for a host that ends nothing is handed back, later each time, and others begin', async () => {
  const { enter, count, reasons, delays, schedule } = scheduled()
  for (let i = 0; i < 10; i++) enter('slow')
  await until(() => reasons.length === 6)
  expect(new Set(reasons)).toEqual(new Set(['host']))
  for (let i = 0; i < 1000; i++) enter('slow')
  await settled()
  expect(schedule.state()).toMatchObject({ running: 4, waiting: 0 })
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(1_500)
  // They do not come back together.
  expect(Math.max(...delays)).toBeGreaterThan(45_000)
  enter('good')
  await settled()
  expect(count('good')).toBe(1)
})

test('where slow hosts have every download, who waits is handed back too', async () => {
  const { enter, reasons } = scheduled()
  for (let i = 0; i < 8; i++) enter(`slow${i}`)
  enter('good')
  await until(() => reasons.length === 1)
  expect(reasons).toEqual(['downloads'])
})

test('the bucket of the service has no limit of its host, other buckets there have', async () => {
  const { enter, count, schedule } = scheduled()
  for (let i = 0; i < 5; i++) enter('bucket', '/other/photo.jpg')
  await settled()
  expect(count('bucket')).toBe(4)
  for (let i = 0; i < 4; i++) enter('bucket', '/own/photo.jpg')
  await settled()
  expect(count('bucket')).toBe(8)
  expect(schedule.state()).toMatchObject({ running: 8, waiting: 1 })
})

test('as many wait as are likely to have their turn soon', () => {
  const flow = openFlow()
  flow.full(10_000)
  expect(flow.room(10_900)).toBe(Number.POSITIVE_INFINITY)
  for (const at of [10_500, 11_200, 11_400, 11_900]) flow.ended(at)
  expect(flow.room(12_000)).toBe(15)
  expect(flow.room(13_000)).toBe(0)
  flow.excuse(13_000)
  expect(flow.room(13_500)).toBe(Number.POSITIVE_INFINITY)
})

test('a redirect counts where it goes', async () => {
  const { schedule, count, enter } = scheduled({ downloads: 4, downloadsPerHost: 1 })
  const place = schedule.open()
  await place.enter(urlOf('from'))
  await place.enter(urlOf('to'))
  enter('to')
  enter('to')
  enter('from')
  await settled()
  expect([count('from'), count('to')]).toEqual([1, 1])
  place.leave('in-time')
  await settled()
  expect(count('to')).toBe(2)
})

test('a host whose downloads time out is left alone, then probed by one at a time', () => {
  const circuit = openCircuit()
  for (const verdict of ['timed-out', 'timed-out', 'none', 'in-time', 'timed-out', 'timed-out'] as const)
    circuit.take(verdict, 1_000)
  expect(circuit.state(1_000)).toBe('closed')
  circuit.take('timed-out', 1_000)
  // One that began before it opened.
  circuit.take('timed-out', 2_000)
  expect([circuit.state(10_999), circuit.left(10_000)]).toEqual(['open', 1_000])
  expect(circuit.state(11_000)).toBe('half-open')
  circuit.take('timed-out', 12_000)
  expect([circuit.state(31_999), circuit.state(32_000)]).toEqual(['open', 'half-open'])
  circuit.take('in-time', 33_000)
  expect([circuit.state(33_000), circuit.isClean()]).toEqual(['closed', true])
  for (let i = 0, at = 0; i < 30; i++, at += 400_000) circuit.take('timed-out', at)
  expect(circuit.left(400_000 * 29)).toBe(300_000)
})

test('photos of a host that is left alone are handed back at once, until it may be probed', async () => {
  const { enter, reasons, delays, schedule } = scheduled()
  const slow = Array.from({ length: 9 }, () => enter('slow'))
  await settled()
  for (const place of slow.slice(0, 3)) place.leave('timed-out')
  await settled()
  expect(reasons).toEqual(['circuit', 'circuit', 'circuit'])
  enter('slow')
  await settled()
  expect(reasons).toHaveLength(4)
  expect(Math.min(...delays)).toBeGreaterThan(9_000)
  expect(schedule.state().hosts).toEqual({ closed: 0, open: 1, 'half-open': 0 })
})

test('a host that was left alone is probed by one download at a time', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  try {
    const { enter, reasons, count, schedule } = scheduled()
    for (const place of [enter('slow'), enter('slow'), enter('slow')]) {
      await settled()
      place.leave('timed-out')
    }
    vi.advanceTimersByTime(10_001)
    expect(schedule.state().hosts).toEqual({ closed: 0, open: 0, 'half-open': 1 })
    const probe = enter('slow')
    enter('slow')
    await settled()
    expect([count('slow'), reasons]).toEqual([4, ['circuit']])
    probe.leave('in-time')
    for (let i = 0; i < 3; i++) enter('slow')
    await settled()
    expect([count('slow'), reasons]).toEqual([7, ['circuit']])
    expect(schedule.state()).toMatchObject({ running: 3, hosts: { closed: 1, 'half-open': 0 } })
  } finally {
    vi.useRealTimers()
  }
})

test('a worker that stops hands back what waits, and what still downloads after a while', async () => {
  const { enter, reasons, delays, schedule } = scheduled()
  const places = Array.from({ length: 6 }, () => enter('slow'))
  await settled()
  schedule.stop()
  enter('other')
  await settled()
  expect(reasons).toEqual(['stop', 'stop', 'stop'])
  expect(delays).toEqual([1, 1, 1])
  await until(() => places[0]?.signal.aborted === true)
  expect(places[0]?.signal.reason).toMatchObject({ code: 'handed-back', retry: true })
})

test('a source waits for memory that others hold; the waiting ones begin nothing more', async () => {
  const { schedule, enter, count } = scheduled({ downloadMemory: 100 })
  const [first, second, third] = [schedule.open(), schedule.open(), schedule.open()]
  await first.share.grow(60)
  const granted: string[] = []
  const large = second.share.grow(60).then(() => granted.push('large'))
  const small = third.share.grow(10).then(() => granted.push('small'))
  await settled()
  expect(granted).toEqual([])
  enter('a')
  await settled()
  expect(count('a')).toBe(0)
  first.share.release()
  await Promise.all([large, small])
  await settled()
  expect([granted, count('a')]).toEqual([['large', 'small'], 1])
})

test('sources that all wait for more end one after the other', async () => {
  const budget = openBudget(100, () => {})
  const shares = Array.from({ length: 10 }, () => budget.open())
  let [most, ended] = [0, 0]
  await Promise.all(
    shares.map(async (share) => {
      for (let bytes = 10; bytes <= 70; bytes += 10) {
        await share.grow(bytes)
        most = Math.max(most, budget.used())
        await settled()
      }
      share.complete()
      await settled()
      share.release()
      ended++
    }),
  )
  expect([ended, budget.used()]).toEqual([10, 0])
  expect(most).toBeLessThanOrEqual(100 + 70)
})

test('a source that is larger than the memory for all runs alone', async () => {
  const budget = openBudget(100, () => {})
  const [small, large, next] = [budget.open(), budget.open(), budget.open()]
  await small.grow(1)
  const order: string[] = []
  const waiting = [
    large.grow(500).then(() => order.push('large')),
    next.grow(1).then(() => order.push('next')),
  ]
  await settled()
  expect(order).toEqual([])
  small.complete()
  expect(budget.hasComplete()).toBe(true)
  small.release()
  await settled()
  expect([order, budget.isOpen()]).toEqual([['large'], false])
  large.release()
  await Promise.all(waiting)
  const aborted = new AbortController()
  const late = large.grow(200, aborted.signal)
  aborted.abort(new Error('given up'))
  await expect(late).rejects.toThrow('given up')
  next.release()
  expect([budget.used(), budget.isOpen()]).toEqual([0, true])
})
