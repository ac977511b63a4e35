import { existsSync } from 'node:fs'
import net from 'node:net'
import type { TestProject } from 'vitest/node'
import { REDIS_URL, SERVERS } from '../scripts/own-servers.ts'

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
  }
}

/** Finds the servers and the browser that the tests may use. */
export default async function setup(project: TestProject) {
  project.provide('postgresUrl', await ifReachable('PostgreSQL', SERVERS.postgresUrl, 5432))
  project.provide('rabbitmqUrl', await ifReachable('RabbitMQ', SERVERS.rabbitmqUrl, 5672))
  project.provide('redisUrl', await ifReachable('Redis', REDIS_URL, 6379))
  project.provide('chromium', findBrowser())
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
