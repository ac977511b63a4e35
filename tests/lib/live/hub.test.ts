import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import type { App } from '../../../lib/app.ts'
import { openHub } from '../../../lib/live/hub.ts'
import type { CloudEvent } from '../../../lib/outbox/event.ts'
import { happen } from '../../functions/projects/clients.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'
import { watch } from '../../support/statements.ts'

describe.for(SETUPS)('the hub on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('leaves out what is no event of a photo, and goes on', () =>
    withApp(setup, async (app) => {
      const heard: (string | null)[] = []
      const hub = openHub(app)
      hub.subscribe({ kind: 'all' }, ({ subject }) => heard.push(subject))
      const before = await insertPhoto(app, { door: 'projects', project_id: 1 })
      await until(async () => {
        await happen(app, before)
        return heard.includes(before)
      })
      for (const [index, body] of ['{', 'null', '[]', '{"id":"1"}'].entries())
        await app.queue.publish(
          [{ id: String(index), to: 'app', key: 'image.uploaded', body: Buffer.from(body) }],
          5_000,
        )
      const after = await insertPhoto(app, { door: 'projects', project_id: 1 })
      await happen(app, after)
      await until(() => heard.includes(after))
      expect(new Set(heard)).toEqual(new Set([before, after]))
      await hub.close()
    }),
  )

  on('tells what the row of an event says, whatever the message says', () =>
    withApp(setup, async (app) => {
      const heard: CloudEvent[] = []
      const hub = openHub(app)
      hub.subscribe({ kind: 'all' }, ({ text }) => heard.push(JSON.parse(text)))
      const [first, second] = [await insertProjectPhoto(app), await insertProjectPhoto(app)]
      await until(async () => {
        await happen(app, first)
        return heard.length > 0
      })
      const [event] = heard
      const invented = {
        specversion: '1.0',
        type: 'image.uploaded',
        subject: second,
        data: { project_id: 2 },
      }
      // Another process has not heard of the event yet.
      const other = openHub(app)
      const told: CloudEvent[] = []
      other.subscribe({ kind: 'all' }, ({ text }) => told.push(JSON.parse(text)))
      await until(async () => {
        for (const id of [uuidv7(), `${event?.id}`])
          await app.queue.publish(
            [
              {
                id,
                to: 'app',
                key: 'image.uploaded',
                body: Buffer.from(JSON.stringify({ ...invented, id })),
              },
            ],
            5_000,
          )
        return told.some(({ id }) => id === event?.id)
      })
      // Those of the first loop that came late are told, too.
      expect(told.find(({ id }) => id === event?.id)).toEqual(event)
      expect(
        [...heard, ...told].every(({ subject, data }) => subject === first && data.project_id === 1),
      ).toBe(true)
      await hub.close()
      await other.close()
    }),
  )

  on('reads no event while nobody is subscribed, and goes on when somebody is', () =>
    withApp(setup, async (app) => {
      const { watched, statements } = watch(app)
      const received: string[] = []
      const listen: App['queue']['listen'] = (handle, onGap) =>
        app.queue.listen((body) => {
          handle(body)
          received.push(String(body))
        }, onGap)
      const hub = openHub({ ...watched, queue: { ...app.queue, listen } })
      const unheard = await insertProjectPhoto(app)
      await until(async () => {
        await happen(app, unheard)
        return received.length > 0
      })
      expect(statements).toEqual([])
      const heard: (string | null)[] = []
      hub.subscribe({ kind: 'all' }, ({ subject }) => heard.push(subject))
      const photo = await insertProjectPhoto(app)
      await happen(app, photo)
      await until(() => heard.includes(photo))
      await hub.close()
    }),
  )
})

const insertProjectPhoto = (app: App) => insertPhoto(app, { door: 'projects', project_id: 1 })
