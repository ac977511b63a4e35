import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import { isAvailable, SETUPS, withApp } from '../../support/app.ts'
import { until } from '../../support/service.ts'
import { insertPhoto, withServer } from '../support.ts'
import { connect, happen } from './clients.ts'

describe.for(SETUPS)('GET /projects/:id/events on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('replays what came since an event, then goes on without a gap', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const uuids: string[] = []
        for (let i = 0; i < 5; i++) uuids.push(await insertPhoto(app, { project_id: 1, door: 'projects' }))
        await happen(app, uuids[0] ?? '')
        const cursor = uuidv7()
        await happen(app, uuids[1] ?? '')
        const client = await connect(`${url}/projects/1/events?after=${cursor}`)
        for (const uuid of uuids.slice(2)) await happen(app, uuid)
        await until(() => new Set(client.subjects()).size === 5)
        // From 10 s before the cursor on, so that the first is there too.
        expect([...new Set(client.subjects())].sort()).toEqual(uuids.toSorted())
        client.socket.terminate()

        const aborting = new AbortController()
        const headers = { 'last-event-id': cursor }
        const events = await fetch(`${url}/projects/1/events`, { headers, signal: aborting.signal })
        expect(events.headers.get('content-type')).toBe('text/event-stream')
        let text = ''
        const reading = (async () => {
          for await (const chunk of events.body ?? []) text += Buffer.from(chunk).toString()
        })().catch(() => {})
        await until(() => uuids.every((uuid) => text.includes(`"subject":"${uuid}"`)))
        expect(text).toMatch(/^: connected\n\nid: [0-9a-f-]{36}\ndata: \{.*\}\n\n/)
        aborting.abort()
        await reading
      }),
    ),
  )
})
