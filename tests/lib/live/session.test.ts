import { expect, test } from 'vitest'
import { EVERYBODY } from '../../../lib/access/caller.ts'
import { openHub } from '../../../lib/live/hub.ts'
import { openSession } from '../../../lib/live/session.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'

test('who goes while their token is looked at is subscribed to nothing', () =>
  withApp(SETUPS[0], async (app) => {
    const hub = openHub(app)
    let listeners = 0
    const subscribe: typeof hub.subscribe = (...given) => {
      listeners++
      const end = hub.subscribe(...given)
      return () => {
        listeners--
        end()
      }
    }
    const looked = Promise.withResolvers<typeof EVERYBODY>()
    const complaints: unknown[] = []
    const session = openSession(
      { ...app, hub: { ...hub, subscribe } },
      { send() {}, ready: async () => {} },
      {
        answer() {},
        complain: (error) => complaints.push(error),
        admit: () => looked.promise,
        mayReplay: () => true,
        given: { subscription: { kind: 'project', id: 1 }, cursor: undefined },
      },
    )
    for (const message of ['{"token":"a"}', '{"subscribe":"all"}', '{"subscribe":2}', 'the last'])
      session.receive(message)
    session.close()
    looked.resolve(EVERYBODY)
    await until(() => complaints.length > 0)
    expect(listeners).toBe(0)
    await hub.close()
  }))
