import type { Config } from '../config/index.ts'
import type { Db } from '../db/port.ts'
import { type KeyCache, openKeyCache } from './key-cache.ts'
import { type Links, openLinks } from './links.ts'
import { openSigning } from './signing.ts'
import { openTokens, type Tokens } from './tokens.ts'

/** What credentials are checked with, and made. */
export type AccessControl = { keys: KeyCache; tokens: Tokens; links: Links }

/** Opens it on a database, which is asked when a credential comes, and not before. */
export function openAccess(config: Config, db: Db): AccessControl {
  const keys = openKeyCache(db, config)
  const signing = openSigning(db, config)
  return { keys, tokens: openTokens(signing, keys), links: openLinks(signing, config) }
}
