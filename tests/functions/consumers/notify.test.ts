import { uuidv7 } from 'uuidv7'
import { expect, test } from 'vitest'
import { notify } from '../../../functions/consumers/notify.ts'
import { deliver } from '../../../functions/schedules/deliver.ts'
import { enqueueMissed } from '../../../lib/notifications/enqueue.ts'
import { SETUPS, withApp } from '../../support/app.ts'
import { deliveries, failPhoto, noteFailure, withTargets } from '../../support/webhooks.ts'
import { eventsOf } from '../support.ts'

const EMBEDDED = SETUPS[0]

test('a message that is no event goes to the dead queue with its reason', () =>
  withApp(EMBEDDED, async (app) => {
    for (const body of ['', 'nonsense', '{}', '{"id":"x","type":"image.failed","data":{}}', 'null'])
      await notify.handle({ body: Buffer.from(body), headers: {}, redelivered: false }, app)
    const dead = await eventsOf(app, 'message.dead')
    expect(dead.map(({ detail }) => detail)).toEqual(
      Array.from({ length: 5 }, () => 'The message is not an event of a photo'),
    )
  }))

test('what the queue in this process took with it is noted at the next start', () =>
  withTargets(EMBEDDED, ['/200'], async (app, receiver) => {
    await noteFailure(app)
    const { id } = await failPhoto(app)
    await enqueueMissed(app)
    await enqueueMissed(app)
    expect((await deliveries(app)).map(({ event_id }) => event_id)).toContain(id)
    while ((await deliver.run(app, `${receiver.url}/200`)) > 0);
    expect(receiver.received.filter(({ headers }) => headers['webhook-id'] === id)).toHaveLength(1)
  }))

test('only what is an event of the database is told, as it stands there', () =>
  withTargets(EMBEDDED, ['/200'], async (app) => {
    const { id, delivery } = await failPhoto(app)
    const event = JSON.parse(delivery.body.toString()) as { id: string; data: { error: { message: string } } }
    const say = (body: object) => notify.handle({ ...delivery, body: Buffer.from(JSON.stringify(body)) }, app)
    const added = await eventsOf(app, 'image.created')
    await say({ ...event, id: uuidv7() })
    // Events that are none of the subscribers'.
    await say({ ...event, id: added[0]?.id ?? '' })
    expect(await deliveries(app)).toEqual([])
    expect((await eventsOf(app, 'message.dead')).map(({ detail }) => detail)).toEqual(
      Array(2).fill('There is no such event'),
    )
    await say({ ...event, id: id.toUpperCase(), type: 'image.uploaded', data: { error: null } })
    const [told] = await deliveries(app)
    expect(JSON.parse(told?.body ?? '')).toMatchObject({
      id,
      type: 'image.failed',
      data: { error: { message: 'It answered 404' } },
    })
  }))
