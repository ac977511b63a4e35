import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Config } from '../../lib/config/index.ts'
import { makePrivate } from '../../lib/db/private-file.ts'

/** Says that this process is the only service on its data; the operating system gives the lock back when the process ends, however it ends. */
export type ServiceLock = {
  /** Says where the service listens, for those that are refused. */
  tell(url: string): void
  release(): void
}

type Owner = { pid: number; since: string; url?: string | undefined }

/**
 * Locks the SQLite file for a service whose queue is its own: another one would process the same photos, and its page would
 * not see them change. Undefined where services may share their data. Throws, naming the other service, where there is one.
 */
export function lockData({ databaseUrl, rabbitmqUrl }: Config): ServiceLock | undefined {
  if (rabbitmqUrl || !databaseUrl.startsWith('sqlite:')) return undefined
  const given = path.resolve(databaseUrl.slice('sqlite:'.length))
  const file = existsSync(given) ? realpathSync(given) : given
  makePrivate(`${file}-service`)
  // SQLite's own locks: a file with the number of a process in it would outlive the process.
  const lock = new DatabaseSync(`${file}-service`, { timeout: 0 })
  const owner: Owner = { pid: process.pid, since: new Date().toISOString() }
  const ownerFile = `${file}-service.json`
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error
    throw new Error(
      `Another service with the in-process queue uses ${given}: ${describe(readOwner(ownerFile))}. Stop it, or set another DATABASE_URL, or RABBITMQ_URL for both`,
    )
  }
  const write = (url?: string) => writeFileSync(ownerFile, JSON.stringify({ ...owner, url }), { mode: 0o600 })
  write()
  return {
    tell: write,
    release() {
      rmSync(ownerFile, { force: true })
      lock.close()
    },
  }
}

const SQLITE_BUSY = 5

/** Undefined where it is not written yet. */
function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner
  } catch {
    return undefined
  }
}

const describe = (owner: Owner | undefined) =>
  owner
    ? `process ${owner.pid}, since ${owner.since}${owner.url ? `, on ${owner.url}` : ''}`
    : 'it has just started'
