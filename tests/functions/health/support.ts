import { describe, expect, test } from 'vitest'
import { openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import type { Endpoint, Replies } from '../../../lib/function.ts'
import { SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { freePort, until } from '../../support/service.ts'
import { call, withServer } from '../support.ts'

/** The tests of an endpoint that says that the process answers. */
export const testAnswers = <R extends Replies>(endpoint: Endpoint<undefined, undefined, undefined, R>) =>
  describe(`GET ${endpoint.path}`, () => {
    test('says that the process answers', () =>
      withApp(SETUPS[0], async (app) => {
        expect(await call(endpoint, app)).toMatchObject({ status: 200, body: { status: 'ok' } })
        await withServer(app, async (url) => {
          const answer = await fetch(`${url}${endpoint.path}/`)
          expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }])
          const head = await fetch(`${url}${endpoint.path}`, { method: 'HEAD' })
          expect(head.status).toBe(200)
        })
      }))

    test('says so also while the database is away', () =>
      withEnvironment(SETUPS[0], async (env) => {
        const DATABASE_URL = `postgres://nobody@127.0.0.1:${await freePort()}/none`
        const app = await openApp(readConfig({ ...env, DATABASE_URL }))
        try {
          await withServer(app, async (url) => {
            expect((await fetch(`${url}${endpoint.path}`)).status).toBe(200)
          })
        } finally {
          await app.close()
        }
      }))
  })

/** The test of an endpoint that says whether the process works. */
export const testHangs = <R extends Replies>(endpoint: Endpoint<undefined, undefined, undefined, R>) =>
  test(`GET ${endpoint.path} fails while a loop has not moved within its deadline`, () =>
    withApp(SETUPS[0], async (app) => {
      const loop = app.supervision.watch('sweep', 500)
      await until(async () => (await call(endpoint, app)).status === 503)
      expect((await call(endpoint, app)).body).toEqual({ status: 'hanging', late: ['sweep'] })
      loop.end()
      expect(await call(endpoint, app)).toMatchObject({ status: 200, body: { status: 'ok' } })
    }))
