import type { Config } from '../config/index.ts'
import type { Db } from '../db/port.ts'
import { type KeyCache, openKeyCache } from './key-cache.ts'
import { type Links, openLinks } from './links.ts'
import { openQuotas, type Quotas } from './quotas.ts'
import { openSigning } from './signing.ts'
import { openTokens, type Tokens } from './tokens.ts'

/** What credentials are checked with, and made; and what projects may add. */
export type AccessControl = {
  keys: KeyCache
  tokens: Tokens
  links: Links
  quotas: Quotas
  /** Reads what things are signed with, so that who signs in a transaction waits for no other connection. */
  prepare(): Promise<unknown>
}

/** Opens it on a database, which is asked when a credential comes, and not before. */
export function openAccess(config: Config, db: Db): AccessControl {
  const keys = openKeyCache(db, config)
  const signing = openSigning(db, config)
  return {
    keys,
    tokens: openTokens(signing, keys),
    links: openLinks(signing, config),
    quotas: openQuotas(config),
    prepare: () => signing.current(),
  }
}
