import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { notify } from '../../functions/consumers/notify.ts'
import type { App } from '../../lib/app.ts'
import { nowPlus } from '../../lib/db/port.ts'
import { record } from '../../lib/outbox/record.ts'
import { addPhotos } from '../../lib/photos/add.ts'
import { eventData } from '../../lib/photos/event-data.ts'
import { findPhoto } from '../../lib/photos/row.ts'
import { eventsOf } from '../functions/support.ts'
import { type Environment, type Setup, withApp } from './app.ts'

export const WEBHOOK_SECRET = `whsec_${randomBytes(32).toString('base64')}`

type Received = { path: string; headers: Record<string, string>; body: string }

/** A receiver of webhooks; `answer` decides by path, and what is not answered is held. */
export async function openReceiver(answer: (request: Received, response: http.ServerResponse) => void) {
  const received: Received[] = []
  const server = http.createServer(async (request, response) => {
    const headers = request.headers as Record<string, string>
    const got = { path: request.url ?? '', headers, body: await text(request) }
    received.push(got)
    answer(got, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    received,
    at: (path: string) => received.filter((one) => one.path === path),
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      if (server.listening) await once(server, 'close')
    },
  }
}

export type Receiver = Awaited<ReturnType<typeof openReceiver>>

/** Statuses by the path of a target. */
export const byPath = ({ path }: Received, response: http.ServerResponse) =>
  path === '/slow' ? undefined : response.writeHead(Number(path.slice(1)), { location: '/200' }).end()

export const targets = (receiver: Receiver, ...paths: string[]): Environment => ({
  WEBHOOK_URLS: paths.map((path) => `${receiver.url}${path}`).join(','),
  WEBHOOK_SECRET,
})

/** Runs `use` with an app that tells a receiver at the given paths. */
export async function withTargets(
  setup: Setup,
  paths: string[],
  use: (app: App, receiver: Receiver) => Promise<void>,
): Promise<void> {
  const receiver = await openReceiver(byPath)
  try {
    await withApp(setup, (app) => use(app, receiver), targets(receiver, ...paths))
  } finally {
    await receiver.close()
  }
}

/** A photo that failed, and the event of it as it was published. */
export async function failPhoto(app: App) {
  const [photo] = await addPhotos(app, [{ url: 'https://example.com/a.jpg', door: 'photos' }])
  const row = await findPhoto(app.db, photo?.uuid ?? '')
  const failed = {
    ...row,
    status: 'failed' as const,
    error_code: 'source-rejected',
    error: 'It answered 404',
  }
  await record(app, async (_tx, emit) =>
    emit({ type: 'image.failed', photoUuid: row.uuid, data: eventData(failed, [], app.config.publicUrl) }),
  )
  const event = (await eventsOf(app, 'image.failed')).at(-1)
  const body = {
    specversion: '1.0',
    id: event?.id ?? '',
    source: 'photo-processor',
    type: 'image.failed',
    subject: row.uuid,
    time: event?.at,
    datacontenttype: 'application/json',
    data: JSON.parse(event?.data ?? ''),
  }
  return {
    id: body.id,
    delivery: { body: Buffer.from(JSON.stringify(body)), headers: {}, redelivered: false },
  }
}

/** Notes the event of a failed photo, as the consumer does. */
export async function noteFailure(app: App): Promise<string> {
  const { id, delivery } = await failPhoto(app)
  await notify.handle(delivery, app)
  return id
}

export const deliveries = ({ db }: App) => db.selectFrom('deliveries').selectAll().orderBy('target').execute()

/** Makes all that waits due now, as if its time had come. */
export const makeDue = async ({ db }: App) => {
  await db.updateTable('deliveries').set({ due: nowPlus() }).where('due', 'is not', null).execute()
}
