import { expect, test } from 'vitest'
import { liveness } from '../../functions/health/liveness.ts'
import { schedule } from '../../lib/function.ts'
import { runLoops } from '../../scripts/serve/loop.ts'
import { call } from '../functions/support.ts'
import { SETUPS, withApp } from '../support/app.ts'
import { until } from '../support/service.ts'

test('a turn that hangs is left behind for another; while all hang the process is not alive', () =>
  withApp(SETUPS[0], async (app) => {
    const stopping = new AbortController()
    let turns = 0
    let hangs = true
    const stubborn = schedule({
      name: 'stubborn',
      access: 'internal',
      every: () => 10,
      run: () => {
        turns++
        return hangs ? new Promise<number>(() => {}) : Promise.resolve(0)
      },
    })
    const loops = runLoops(app, stubborn, stopping.signal, 300)
    await until(async () => (await call(liveness, app)).status === 503)
    expect((await call(liveness, app)).body).toEqual({ status: 'hanging', late: ['stubborn'] })
    expect(turns).toBeGreaterThan(1)
    hangs = false
    await until(async () => (await call(liveness, app)).status === 200)
    stopping.abort()
    await loops
  }))

test('a turn that fails, as while the database is away, has moved', () =>
  withApp(SETUPS[0], async (app) => {
    const stopping = new AbortController()
    let turns = 0
    const failing = schedule({
      name: 'failing',
      access: 'internal',
      every: () => 10,
      run: async () => {
        turns++
        throw new Error('away')
      },
    })
    const loops = runLoops(app, failing, stopping.signal, 100)
    // As late as it would be, had it not moved.
    const unmoved = app.supervision.watch('unmoved', 2 * 100 + 10)
    await until(() => app.supervision.late().includes('unmoved'))
    unmoved.end()
    await until(async () => (await call(liveness, app)).status === 200)
    expect(turns).toBeGreaterThan(2)
    stopping.abort()
    await loops
  }))
