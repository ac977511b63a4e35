import { describe, expect, test } from 'vitest'
import { openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import type { Endpoint, Replies } from '../../../lib/function.ts'
import { SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { freePort } from '../../support/service.ts'
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
