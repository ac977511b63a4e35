import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readConfig } from '../../lib/config/index.ts'

type Service = {
  command?: string[]
  ports?: string[]
  profiles?: string[]
  volumes?: string[]
  environment?: Record<string, string>
  healthcheck?: { test?: string[]; disable?: boolean }
  cap_drop?: string[]
  security_opt?: string[]
  mem_limit?: string
  pids_limit?: number
  depends_on?: Record<string, { condition: string }>
}

/** The file as it is without `.env`. */
const file = (await readFile('docker-compose.yml', 'utf8')).replace(/\$\{[A-Z_]+:-(\w+)\}/g, '$1')
const { services } = parse(file, { merge: true }) as {
  services: Record<string, Service>
}
const configuration = await readFile('docs/configuration.md', 'utf8')
const app = services['waldo-app'] ?? expect.fail('no waldo-app')

test('publishes the ports of the service, the database and the broker on this machine only', () => {
  const published = Object.values(services).flatMap(({ ports = [] }) => ports)
  expect(published).toEqual(
    expect.arrayContaining(
      ['3000:3000', '5432:5432', '5672:5672', '15672:15672'].map((port) => `127.0.0.1:${port}`),
    ),
  )
  expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
})

test('starts the service when all it needs is healthy', () => {
  const needed = Object.entries(app.depends_on ?? {})
  expect(needed.map(([name]) => name).sort()).toEqual(['postgres', 'rabbitmq', 'redis', 'seaweedfs'])
  for (const [name, { condition }] of needed) {
    expect(condition).toBe('service_healthy')
    expect(services[name]?.healthcheck?.test?.length).toBeGreaterThan(1)
  }
})

test('configures the service with variables that it knows', () => {
  const environment = app.environment ?? {}
  const config = readConfig(environment)
  expect(config).toMatchObject({
    host: '0.0.0.0',
    publicUrl: 'http://127.0.0.1:3000',
    thumbsDir: '/waldo-app-thumbs',
    databaseUrl: 'postgres://postgres:postgres@postgres:5432/postgres',
    rabbitmqUrl: 'amqp://guest:guest@rabbitmq:5672',
    redisUrl: 'redis://redis:6379',
  })
  expect(app.volumes).toContain('waldo-app-thumbs:/waldo-app-thumbs')
  const documented = [...configuration.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, name]) => name)
  expect(documented).toEqual(expect.arrayContaining(Object.keys(environment)))
})

test('gives no service more rights, memory or processes than it needs', () => {
  for (const [name, service] of Object.entries(services))
    expect.soft(service, name).toMatchObject({
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      mem_limit: expect.stringMatching(/^\d+[gm]$/),
      pids_limit: expect.any(Number),
    })
})

test('says who may use the service, and under what names', () => {
  expect(app.environment).toMatchObject({ AUTH: 'none', ALLOWED_HOSTS: 'waldo-app' })
})

test('takes every password from .env', async () => {
  const text = await readFile('docker-compose.yml', 'utf8')
  expect(text).not.toMatch(/PASS\w*: \w|:\/\/\w+:\w+@/)
})

test('scales with workers that share files, database and queue', () => {
  const { worker } = services
  expect(worker).toMatchObject({
    profiles: ['scale'],
    command: ['worker'],
    volumes: app.volumes,
    environment: app.environment,
  })
  expect(app.command).toEqual(['all'])
})
