import { describe, expect, test } from 'vitest'
import { openHub } from '../../../lib/live/hub.ts'
import { happen } from '../../functions/projects/clients.ts'
import { insertPhoto } from '../../functions/support.ts'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'

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
})
