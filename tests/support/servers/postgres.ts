import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { freePort } from '../service.ts'
import { idsOf, type OwnServer, runServer } from './program.ts'

/** Where Debian has the programs of each version. */
const VERSIONS = '/usr/lib/postgresql'

/** A PostgreSQL of the test's own, on a free port, with one empty database; `settings` as in `postgresql.conf`. */
export async function openPostgresServer(settings: Record<string, string> = {}): Promise<OwnServer> {
  const [version = ''] = readdirSync(VERSIONS).sort((one, other) => Number(other) - Number(one))
  const programs = path.join(VERSIONS, version, 'bin')
  const directory = await mkdtemp(path.join(tmpdir(), 'postgres-'))
  const port = await freePort()
  const user = idsOf('postgres')
  if (user.uid !== undefined && user.gid !== undefined) await chown(directory, user.uid, user.gid)
  const data = path.join(directory, 'data')
  execFileSync(path.join(programs, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync'], {
    ...user,
    cwd: directory,
    stdio: 'ignore',
  })
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: directory, fsync: 'off', ...settings }
  const args = [
    '-D',
    data,
    '-p',
    `${port}`,
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const server = await runServer(
    { url, port },
    { file: path.join(programs, 'postgres'), args, ...user },
    () => select(url),
  )
  return {
    ...server,
    async close() {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function select(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
  } finally {
    await client.end()
  }
}
