import { parseArgs } from 'node:util'
import { config as readDotenv } from 'dotenv'
import { SCOPES, type Scope } from '../lib/access/caller.ts'
import { createKey, listKeys, revokeKey, rollKey, type ShownKey } from '../lib/access/keys.ts'
import { openQuotas, QUOTAS, type Quota } from '../lib/access/quotas.ts'
import { rotateSigningKey } from '../lib/access/signing.ts'
import { readUsage, setQuota } from '../lib/access/usage.ts'
import { type Config, readConfig } from '../lib/config/index.ts'
import { duration, integer } from '../lib/config/values.ts'
import { openDb } from '../lib/db/index.ts'
import { migratePatiently } from '../lib/db/patient.ts'
import type { Db } from '../lib/db/port.ts'
import { readArguments } from './arguments.ts'

const USAGE = `Usage: npm run keys -- create NAME [--scopes read,write] [--projects '*'|1,2] [--expires 90d] [--rate-limit 600]
       npm run keys -- quota PROJECT [--photos-per-day 1000] [--bytes-per-day 1000000000] [--waiting 100]
       npm run keys -- list | roll ID [--grace 24h] | revoke ID | rotate-links [--now]
  create        makes a key and shows it, this once; scopes are ${SCOPES.join(', ')}
  quota         shows the quotas of a project, after it has set those that are given; none: as configured
  roll          gives a key another secret; the old one stays valid for --grace (default: not at all)
  revoke        ends a key, with its tokens and sessions
  rotate-links  signs links, tokens and sessions with a new key; with --now older signatures end at once`

const YEARS_100_MS = 36_500 * 86_400_000

const args = readArguments(USAGE, readCommand)
readDotenv({ quiet: true })
const config = readConfig(process.env)
const db = await openDb(config.databaseUrl)
try {
  await migratePatiently(db, config.databaseUrl)
  await run(db, config)
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
} finally {
  await db.destroy()
}

function readCommand(given: string[]) {
  const { positionals, values } = parseArgs({
    args: given,
    allowPositionals: true,
    options: {
      scopes: { type: 'string', default: 'read,write' },
      projects: { type: 'string', default: '*' },
      expires: { type: 'string' },
      grace: { type: 'string' },
      'rate-limit': { type: 'string' },
      'photos-per-day': { type: 'string' },
      'bytes-per-day': { type: 'string' },
      waiting: { type: 'string' },
      now: { type: 'boolean', default: false },
    },
  })
  const [command = '', name, more] = positionals
  const named = ['create', 'quota', 'roll', 'revoke'].includes(command)
  if (!named && command !== 'list' && command !== 'rotate-links')
    throw new Error(`There is no command ${command}`)
  if (named !== (name !== undefined) || more !== undefined)
    throw new Error(
      named
        ? `Name one ${command === 'quota' ? 'project' : `key to ${command}`}`
        : `Unexpected argument ${name}`,
    )
  const scopes = values.scopes.split(',').map((scope) => SCOPES.find((one) => one === scope))
  if (scopes.includes(undefined)) throw new Error(`--scopes must be a list of ${SCOPES.join(', ')}`)
  const projects = values.projects === '*' ? '*' : values.projects.split(',').map(Number)
  if (projects !== '*' && !projects.every((id) => Number.isSafeInteger(id) && id > 0))
    throw new Error("--projects must be '*' or a list of whole numbers")
  return {
    command,
    name: name ?? '',
    scopes: scopes as Scope[],
    projects: projects as '*' | number[],
    expiresMs: duration({ '--expires': values.expires }, '--expires', 0, YEARS_100_MS),
    graceMs: duration({ '--grace': values.grace }, '--grace', 0, YEARS_100_MS),
    now: values.now,
    rateLimit:
      values['rate-limit'] === undefined ? undefined : whole('--rate-limit', values['rate-limit'], 1),
    project: command === 'quota' ? whole('PROJECT', name ?? '', 1) : 0,
    quota: Object.fromEntries(
      QUOTAS.flatMap((quota) => {
        const flag = quota.replaceAll('_', '-') as 'photos-per-day' | 'bytes-per-day' | 'waiting'
        const text = values[flag]
        if (text === undefined) return []
        return [[quota, text === 'none' ? null : whole(`--${flag}`, text, 0)]]
      }),
    ) as Partial<Quota>,
  }
}

function whole(name: string, text: string, least: number): number {
  return integer({ [name]: text }, name, least, least, Number.MAX_SAFE_INTEGER)
}

async function run(db: Db, config: Config): Promise<void> {
  const { command, name, scopes, projects, expiresMs, graceMs, rateLimit } = args
  if (command === 'quota') return quota(db, config)
  if (command === 'list') return (await listKeys(db)).forEach(print)
  if (command === 'revoke') return revokeKey(db, name)
  if (command === 'rotate-links')
    return console.log(`Signing with ${await rotateSigningKey(db, config, args.now)}`)
  const expiresAt = expiresMs > 0 ? new Date(Date.now() + expiresMs).toISOString() : undefined
  const { text, key } =
    command === 'create'
      ? await createKey(db, { name, scopes, projects, expiresAt, rateLimit })
      : await rollKey(db, name, graceMs)
  print(key)
  console.log(
    `\n${text}\n\nKeep it: it is not shown again. Send it as "Authorization: Bearer ${text.slice(0, 12)}…"`,
  )
}

async function quota(db: Db, config: Config): Promise<void> {
  const quotas = openQuotas(config)
  if (Object.keys(args.quota).length > 0) await setQuota(db, quotas, args.project, args.quota)
  const usage = await readUsage(db, quotas, args.project)
  for (const name of QUOTAS) {
    const { own, limit, used } = usage[name]
    const whose = own === null ? 'as configured' : 'its own'
    console.log(`${name}  ${used} of ${limit ?? 'no limit'}  ${whose}`)
  }
}

function print({ id, name, scopes, projects, expires_at, revoked_at, last_used_at }: ShownKey): void {
  const whose = projects === '*' ? 'all projects' : `projects ${projects.join(', ')}`
  const state = revoked_at ? `revoked ${revoked_at}` : expires_at ? `until ${expires_at}` : 'without end'
  console.log(`${id}  ${name}  ${scopes.join(',')}  ${whose}  ${state}  last used ${last_used_at ?? 'never'}`)
}
