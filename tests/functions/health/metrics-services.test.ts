import { describe, expect, test } from 'vitest'
import { isAvailable, SETUPS, withEnvironment } from '../../support/app.ts'
import { freePort, startScript } from '../../support/service.ts'
import { scrape } from './metrics-text.ts'

describe.for(SETUPS)('GET /metrics of a service on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('tells of this process and its event loop, in a service as users start it', () =>
    withEnvironment(setup, async (env) => {
      const start = performance.now()
      const service = await startScript('start', env, /Try: curl/)
      try {
        const values = await scrape(service.url)
        expect(values).toMatchObject({
          nodejs_eventloop_lag_p99_seconds: expect.any(Number),
          process_cpu_seconds_total: expect.any(Number),
          'photos{status="pending"}': 0,
        })
        expect(values.nodejs_eventloop_lag_p99_seconds).toBeLessThan((performance.now() - start) / 1000)
        expect(values.process_resident_memory_bytes).toBeGreaterThan(1e7)
      } finally {
        await service.kill('SIGTERM')
      }
    }),
  )
})

test.skipIf(!isAvailable(SETUPS[1]))('a worker and a relay apart serve metrics where HEALTH_PORT says', () =>
  withEnvironment(SETUPS[1], async (env) => {
    for (const role of ['worker', 'relay']) {
      const port = await freePort()
      const service = await startScript(role, { ...env, HEALTH_PORT: String(port) }, /ready/)
      try {
        const url = `http://127.0.0.1:${port}`
        expect(await scrape(url)).toMatchObject({ photo_queue_depth: 0, photo_dead_letters_total: 0 })
        expect((await fetch(`${url}/healthz`)).status).toBe(200)
        expect((await fetch(`${url}/photos`)).status).toBe(404)
      } finally {
        expect(await service.kill('SIGTERM')).toBe(0)
      }
    }
  }),
)
