import { once } from 'node:events'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { uuidv7 } from 'uuidv7'
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { processPhotoMessage } from '../../../functions/consumers/process-photo.ts'
import { openApp } from '../../../lib/app.ts'
import { readConfig } from '../../../lib/config/index.ts'
import { nowPlus } from '../../../lib/db/port.ts'
import { freeExpired } from '../../../lib/photos/expired.ts'
import { processPhoto } from '../../../lib/photos/process.ts'
import { attempt, withPipeline } from '../../lib/photos/support.ts'
import { isAvailable, SETUPS, withApp, withEnvironment } from '../../support/app.ts'
import { jpeg, sample } from '../../support/images.ts'
import { freePort, until } from '../../support/service.ts'
import { bytes, sequence, status } from '../../support/source-server.ts'
import { expireLeases, insertPhoto, post, readEvent, withLambda, withServer } from '../support.ts'
import { measure, parse, scrape } from './metrics-text.ts'

const picture = await jpeg(sample(400, 300))

describe.for(SETUPS)('GET /metrics on $name', (setup) => {
  const on = test.skipIf(!isAvailable(setup))

  on('counts requests by route, never by URL', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const start = performance.now()
        const photo = await insertPhoto(app)
        for (const path of [
          `/photos/${photo}`,
          `/photos/${uuidv7()}?secret`,
          '/photos/none',
          '/nowhere?secret',
        ])
          await (await fetch(`${url}${path}`)).text()
        await post(`${url}/photos`, {})
        await fetch(`${url}/health`, { method: 'HEAD' })
        await until(
          async () =>
            (await scrape(url))['http_requests_total{method="HEAD",route="/health",status="200"}'] === 1,
        )
        const values = await measure(app)
        const requests = Object.entries(values).filter(
          ([name]) => name.startsWith('http_requests_total') && !name.includes('/metrics'),
        )
        expect(Object.fromEntries(requests)).toEqual({
          'http_requests_total{method="GET",route="/photos/:uuid",status="200"}': 1,
          'http_requests_total{method="GET",route="/photos/:uuid",status="404"}': 1,
          'http_requests_total{method="GET",route="/photos/:uuid",status="422"}': 1,
          'http_requests_total{method="GET",route="none",status="404"}': 1,
          'http_requests_total{method="POST",route="/photos",status="422"}': 1,
          'http_requests_total{method="HEAD",route="/health",status="200"}': 1,
        })
        const duration = (part: string) =>
          values[`http_request_duration_seconds_${part}{method="GET",route="/photos/:uuid"}`]
        expect(duration('count')).toBe(3)
        expect(duration('sum')).toBeGreaterThan(0)
        // One after the other, in seconds.
        expect(duration('sum')).toBeLessThan((performance.now() - start) / 1000)
      }),
    ),
  )

  on('counts a socket, and a stream of events, when it begins', () =>
    withApp(setup, (app) =>
      withServer(app, async (url) => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
        await once(socket, 'open')
        const aborted = new AbortController()
        const stream = await fetch(`${url}/projects/1/events`, { signal: aborted.signal })
        expect(stream.status).toBe(200)
        await (await fetch(`${url}/ws`)).text()
        const ended = 'http_requests_total{method="GET",route="/ws",status="426"}'
        await until(async () => (await scrape(url))[ended] === 1)
        aborted.abort()
        socket.terminate()
        const values = await scrape(url)
        expect(values).toMatchObject({
          'http_requests_total{method="GET",route="/ws",status="101"}': 1,
          'http_requests_total{method="GET",route="/projects/:id/events",status="200"}': 1,
        })
        const duration = 'http_request_duration_seconds_count{method="GET",route='
        expect(values[`${duration}"/ws"}`]).toBe(1)
        expect(values[`${duration}"/projects/:id/events"}`]).toBeUndefined()
      }),
    ),
  )

  on('tells what waits, by the database', () =>
    withApp(setup, async (app) => {
      for (const queued of [false, true, true]) {
        const uuid = await insertPhoto(app)
        if (!queued) continue
        const row = app.db.updateTable('photos').where('uuid', '=', uuid)
        await row.set({ queued_at: nowPlus(-60_000) }).execute()
      }
      for (const done of ['completed', 'completed', 'failed', 'init'] as const)
        await insertPhoto(app, { status: done })
      const event = { photo_uuid: null, type: 'image.queued', published_at: null } as const
      const due = [nowPlus(-1000), nowPlus(-1), nowPlus(60_000), null]
      for (const publish_after of due)
        await app.db
          .insertInto('events')
          .values({ ...event, id: uuidv7(), publish_after })
          .execute()
      await app.db
        .insertInto('events')
        .values({ ...event, id: uuidv7(), publish_after: nowPlus(-1000), lane: 'v1' })
        .execute()

      const values = await measure(app)
      expect(values).toMatchObject({
        'photos{status="init"}': 1,
        'photos{status="pending"}': 3,
        'photos{status="processing"}': 0,
        'photos{status="completed"}': 2,
        'photos{status="failed"}': 1,
        photo_queue_depth: 2,
        photo_outbox_backlog: 2,
        photo_queue_held: 1,
      })
      expect(values.photo_queue_oldest_age_seconds).toBeGreaterThanOrEqual(60)
      expect(values.photo_queue_oldest_age_seconds).toBeLessThan(600)
    }),
  )

  on('counts stages, retries and failures by code, and dead letters', () =>
    withPipeline(setup, async (pipeline) => {
      const { app } = pipeline
      const start = performance.now()
      for (let i = 0; i < 2; i++) expect((await attempt(pipeline, picture)).outcome).toBe('completed')
      const flaky = await attempt(pipeline, sequence(status(503), status(503), bytes(picture)))
      for (const outcome of ['retried', 'completed'])
        expect(await processPhoto(app, flaky.uuid)).toBe(outcome)
      await attempt(pipeline, status(404))
      await attempt(pipeline, bytes('no image'))
      await attempt(pipeline, bytes('no image'))
      const rendering = { lease_token: crypto.randomUUID(), render_began_at: new Date().toISOString() }
      const lost = { status: 'processing', ...rendering } as const
      for (const attempts of [1, 1, 5]) await insertPhoto(app, { ...lost, attempts })
      await expireLeases(app)
      await freeExpired(app)
      for (const text of ['poison', uuidv7()])
        await processPhotoMessage.handle({ body: Buffer.from(text), headers: {}, redelivered: false }, app)

      const values = await measure(app)
      const of = (name: string) =>
        Object.fromEntries(Object.entries(values).filter(([each]) => each.startsWith(name)))
      expect(of('photo_retries_total')).toEqual({
        'photo_retries_total{code="source-unavailable"}': 2,
        'photo_retries_total{code="worker-lost"}': 2,
      })
      expect(of('photo_failures_total')).toEqual({
        'photo_failures_total{code="source-rejected"}': 1,
        'photo_failures_total{code="unsupported-format"}': 2,
        'photo_failures_total{code="worker-lost"}': 1,
      })
      expect(values.photo_dead_letters_total).toBe(2)
      expect(of('photo_stage_duration_seconds_count')).toEqual({
        'photo_stage_duration_seconds_count{stage="wait"}': 6,
        'photo_stage_duration_seconds_count{stage="download"}': 5,
        'photo_stage_duration_seconds_count{stage="decode"}': 3,
        'photo_stage_duration_seconds_count{stage="render"}': 3,
        'photo_stage_duration_seconds_count{stage="store"}': 3,
        'photo_stage_duration_seconds_count{stage="total"}': 3,
      })
      const sum = (stage: string) =>
        values[`photo_stage_duration_seconds_sum{stage="${stage}"}`] ?? Number.NaN
      const parts = ['wait', 'download', 'decode', 'render', 'store'].map(sum)
      for (const part of parts.slice(1)) expect(part).toBeGreaterThan(0)
      expect(sum('total')).toBeGreaterThan(sum('decode') + sum('render'))
      // One after the other, in seconds.
      expect(sum('total')).toBeLessThan((performance.now() - start) / 1000)
    }),
  )

  on('reads the database once for scrapes that come together', () =>
    withApp(setup, async (app) => {
      const pending = async () => (await measure(app))['photos{status="pending"}']
      await insertPhoto(app)
      expect(await Promise.all([pending(), pending(), pending()])).toEqual([1, 1, 1])
      await insertPhoto(app)
      expect(await pending()).toBe(1)
      await until(async () => (await pending()) === 2)
    }),
  )

  on('answers through its Lambda handler', () =>
    withLambda(setup, async (app) => {
      await insertPhoto(app)
      const { handler } = await import('../../../functions/health/metrics.ts')
      const event = await readEvent<APIGatewayProxyEventV2>('get-nonsense')
      const ask = () => handler({ ...event, rawPath: '/metrics' }, {} as Context)
      await ask()
      const { statusCode, headers, body = '', isBase64Encoded } = await ask()
      expect([statusCode, isBase64Encoded]).toEqual([200, false])
      expect(headers?.['content-type']).toMatch(/^text\/plain/)
      expect(parse(body)).toMatchObject({
        'photos{status="pending"}': 1,
        'http_requests_total{method="GET",route="/metrics",status="200"}': 1,
      })
    }),
  )
})

test('without the database there is still what the process itself has counted', () =>
  withEnvironment(SETUPS[0], async (env) => {
    const DATABASE_URL = `postgres://nobody@127.0.0.1:${await freePort()}/none`
    const app = await openApp(readConfig({ ...env, DATABASE_URL }))
    try {
      await withServer(app, async (url) => {
        await scrape(url)
        await until(async () => {
          const values = await scrape(url)
          return (values['http_requests_total{method="GET",route="/metrics",status="200"}'] ?? 0) > 0
        })
        const names = Object.keys(await scrape(url))
        expect(names.filter((name) => /^photo(s|_queue|_outbox)/.test(name))).toEqual([])
      })
    } finally {
      await app.close()
    }
  }))
