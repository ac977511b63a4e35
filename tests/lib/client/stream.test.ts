import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { StreamEvent } from '../../../lib/client/index.ts'
import { openSourceServer, type Route, status } from '../../support/source-server.ts'
import { clientOf, PROJECT } from './support.ts'

const EVENTS = `/projects/${PROJECT}/events`
const UUID = '01a208fa-d379-72a3-9e61-aaf487ae54bf'

const message = (id: string, type = 'image.uploaded') =>
  `id: ${id}\ndata: ${JSON.stringify({ id, type, subject: UUID })}\n\n`

const json =
  (body: unknown): Route =>
  (_, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))

/** Answers with these parts and ends, one answer for each connection; what follows stays open. */
function streams(...answers: string[][]): Route {
  let count = 0
  return async (_, response) => {
    const parts = answers[count++]
    response.setHeader('content-type', 'text/event-stream').write(': connected\n\n')
    for (const part of parts ?? []) if (!response.write(part)) await once(response, 'drain')
    if (parts) response.end()
  }
}

async function take(count: number, events: AsyncIterable<StreamEvent>): Promise<string[]> {
  const ids: string[] = []
  for await (const event of events) {
    ids.push('id' in event ? event.id : event.type)
    if (ids.length === count) return ids
  }
  return ids
}

test('comes back with the id of the last event, and drops what it knows', async () => {
  const whole = message('b')
  const server = await openSourceServer({
    [EVENTS]: streams(
      [message('a'), whole.slice(0, 9), whole.slice(9)],
      [message('a'), message('b'), message('c')],
    ),
  })
  expect(await take(3, clientOf(server.url).events(PROJECT, { after: 'start' }))).toEqual(['a', 'b', 'c'])
  expect(server.hits.map(({ headers }) => headers['last-event-id'])).toEqual(['start', 'b'])
  await server.close()
})

test('says when events may have been missed', async () => {
  const server = await openSourceServer({ [EVENTS]: streams([], ['event: reset\ndata: {}\n\n']) })
  // The second connection has no cursor, and the service says so too.
  expect(await take(2, clientOf(server.url).events(PROJECT))).toEqual(['reset', 'reset'])
  await server.close()
})

test('tries again what passes, and gives up what does not', async () => {
  const refusals: Route[] = [status(503), status(429), status(401)]
  const server = await openSourceServer({ [EVENTS]: (...call) => refusals.shift()?.(...call) })
  await expect(clientOf(server.url, { retries: 0 }).events(PROJECT).next()).rejects.toMatchObject({
    status: 401,
  })
  expect(server.hits.length).toBe(3)
  await server.close()
})

test('all who wait for photos of a project share one stream', async () => {
  let isDone = false
  const photo = () => ({ uuid: UUID, status: isDone ? 'completed' : 'processing', project_id: PROJECT })
  const server = await openSourceServer({
    [`/photos/${UUID}`]: (...call) => json(photo())(...call),
    [EVENTS]: async (_, response) => {
      response.setHeader('content-type', 'text/event-stream').write(': connected\n\n')
      // Whoever waits has looked once more after the stream was open.
      await expect.poll(() => server.hits.filter(({ path }) => path !== EVENTS).length).toBe(4)
      isDone = true
      response.write(message('a'))
    },
  })
  const client = clientOf(server.url)
  const photos = await Promise.all([client.wait(UUID), client.wait(UUID)])
  expect(photos).toMatchObject([{ status: 'completed' }, { status: 'completed' }])
  expect(server.hits.filter(({ path }) => path === EVENTS)).toHaveLength(1)
  await server.close()
})

test('looks again and again where there is no stream', async () => {
  const states = ['pending', 'pending', 'processing', 'failed']
  const server = await openSourceServer({
    [`/photos/${UUID}`]: (...call) =>
      json({ uuid: UUID, status: states.shift(), project_id: PROJECT })(...call),
    [EVENTS]: status(404),
  })
  expect(await clientOf(server.url).wait(UUID)).toMatchObject({ status: 'failed' })
  // The last looks let the service hold its answer.
  const looks = server.hits.map(({ path }) => path).filter((path) => path !== EVENTS)
  expect(looks).toEqual([
    `/photos/${UUID}`,
    `/photos/${UUID}`,
    `/photos/${UUID}?wait=10`,
    `/photos/${UUID}?wait=10`,
  ])
  await server.close()
})

test('sends again what may be sent again, after as long as the service says', async () => {
  const answers: Route[] = [status(503, { 'retry-after': '1' }), status(502), json([]), status(503), json({})]
  const server = await openSourceServer({ '/photos/process': (...call) => answers.shift()?.(...call) })
  const client = clientOf(server.url)
  const header = { 'idempotency-key': '1' }
  expect((await client.api.POST('/photos/process', { body: [UUID], params: { header } })).data).toEqual([])
  expect(await client.api.POST('/photos/process', { body: [UUID] })).toMatchObject({
    response: { status: 503 },
  })
  await server.close()
})
