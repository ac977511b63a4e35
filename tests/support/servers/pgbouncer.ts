import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { freePort } from '../service.ts'
import { idsOf, type OwnServer, runServer } from './program.ts'

/** Where Debian has it. */
export const PGBOUNCER = process.env.TEST_PGBOUNCER ?? '/usr/sbin/pgbouncer'

/** A PgBouncer of the test's own before the PostgreSQL of a URL, whose two connections it lends for a transaction each. */
export async function openPgBouncer(postgresUrl: string): Promise<OwnServer> {
  const target = new URL(postgresUrl)
  const directory = await mkdtemp(path.join(tmpdir(), 'pgbouncer-'))
  const user = idsOf('postgres')
  if (user.uid !== undefined && user.gid !== undefined) await chown(directory, user.uid, user.gid)
  const port = await freePort()
  const at = (name: string) => path.join(directory, name)
  const name = decodeURIComponent(target.username)
  await writeFile(at('users'), `"${name}" "${decodeURIComponent(target.password)}"\n`)
  const lines = [
    '[databases]',
    `* = host=${target.hostname} port=${target.port || 5432}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = trust',
    `auth_file = ${at('users')}`,
    'pool_mode = transaction',
    'default_pool_size = 2',
  ]
  await writeFile(at('pgbouncer.ini'), `${lines.join('\n')}\n`)
  const url = new URL(postgresUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  const server = await runServer(
    { url: url.href, port },
    { file: PGBOUNCER, args: [at('pgbouncer.ini')], ...user },
    async () => {
      const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 2_000 })
      client.on('error', () => {})
      await client.connect().finally(() => client.end())
    },
  )
  return {
    ...server,
    async close() {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
