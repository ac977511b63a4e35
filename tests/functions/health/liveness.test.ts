import { expect, test } from 'vitest'
import { healthz } from '../../../functions/health/healthz.ts'
import { liveness } from '../../../functions/health/liveness.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'
import { call } from '../support.ts'
import { testAnswers } from './support.ts'

testAnswers(liveness)
testAnswers(healthz)

test.for([liveness, healthz])('GET $path fails while a loop has not moved within its deadline', (endpoint) =>
  withApp(SETUPS[0], async (app) => {
    const loop = app.supervision.watch('sweep', 500)
    await until(async () => (await call(endpoint, app)).status === 503)
    expect((await call(endpoint, app)).body).toEqual({ status: 'hanging', late: ['sweep'] })
    loop.turned()
    expect(await call(endpoint, app)).toMatchObject({ status: 200, body: { status: 'ok' } })
    loop.end()
  }),
)
