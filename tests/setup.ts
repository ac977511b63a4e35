import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { REDIS_URL, SERVERS } from '../scripts/own-servers.ts'
import { makeTemplate, migrateNew, removeTemplate, type Template } from './support/migrated-database.ts'

/** Where Debian has it. */
const CHROMIUM = process.env.TEST_CHROMIUM ?? '/usr/bin/chromium'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Undefined where the server cannot be reached: its cases are then skipped by name. */
    postgresUrl: string | undefined
    rabbitmqUrl: string | undefined
    redisUrl: string | undefined
    /** Path of a browser; undefined where there is none. */
    chromium: string | undefined
    /** A migrated database of each kind, of which tests have copies; none on a PostgreSQL that cannot be reached. */
    templates: { sqlite: string; postgres?: Template | undefined }
  }
}

/** Finds the servers and the browser that the tests may use, and makes what they copy; returns what removes it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgresUrl = await ifReachable('PostgreSQL', SERVERS.postgresUrl, 5432)
  const directory = await mkdtemp(path.join(tmpdir(), 'photos-template-'))
  const sqlite = path.join(directory, 'photos.db')
  await migrateNew(`sqlite:${sqlite}`)
  const postgres = postgresUrl ? await makeTemplate(postgresUrl) : undefined
  project.provide('templates', { sqlite, postgres })
  project.provide('postgresUrl', postgresUrl)
  project.provide('rabbitmqUrl', await ifReachable('RabbitMQ', SERVERS.rabbitmqUrl, 5672))
  project.provide('redisUrl', await ifReachable('Redis', REDIS_URL, 6379))
  project.provide('chromium', findBrowser())
  return async () => {
    await rm(directory, { recursive: true })
    if (postgresUrl && postgres) await removeTemplate(postgresUrl, postgres)
  }
}

function findBrowser(): string | undefined {
  if (existsSync(CHROMIUM)) return CHROMIUM
  if (process.env.REQUIRE_SERVERS === '1')
    throw new Error(`There is no browser at ${CHROMIUM}, and REQUIRE_SERVERS=1`)
  console.warn(`There is no browser at ${CHROMIUM}: its tests are skipped`)
  return undefined
}

async function ifReachable(name: string, url: string, defaultPort: number): Promise<string | undefined> {
  const { hostname, port } = new URL(url)
  if (await reachable(hostname, Number(port || defaultPort))) return url
  if (process.env.REQUIRE_SERVERS === '1')
    throw new Error(`${name} is not reachable at ${hostname}, and REQUIRE_SERVERS=1`)
  console.warn(`${name} is not reachable: its tests are skipped`)
  return undefined
}

function reachable(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 2_000 })
    const end = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
    socket.on('timeout', () => end(false))
  })
}
