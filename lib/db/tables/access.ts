import type { Generated } from 'kysely'

/** The first answer to a request that carried an `Idempotency-Key`. */
export type IdempotencyKeysTable = {
  /** Method and path pattern; before them a hash of the caller's projects, where it does not see all. */
  route: string
  key: string
  /** SHA-256, in hex, of the body: the same key with another body is a mistake. */
  fingerprint: string
  status: number
  headers: string
  body: string
  created_at: Generated<string>
}

/** A key that clients call with: `pp_<id>_<secret>`. */
export type ApiKeysTable = {
  id: string
  /** What it is for, in its owner's words. */
  name: string
  /** SHA-256 in hex. */
  secret_hash: string
  /** The secret before the last roll, which holds until `previous_until`. */
  previous_hash: string | null
  previous_until: string | null
  /** A JSON list of scopes. */
  scopes: string
  /** `"*"`, or a JSON list of project ids. */
  projects: string
  /** Requests a minute; null: `RATE_LIMIT`. */
  rate_limit: number | null
  created_at: Generated<string>
  expires_at: string | null
  revoked_at: string | null
  /** To the minute. */
  last_used_at: string | null
}

/** What links, tokens and sessions are signed with: the newest signs, each verifies. */
export type SigningKeysTable = {
  kid: string
  /** A JWE where `SECRET` is set, else the bytes in base64url after `plain:`. */
  secret: string
  created_at: Generated<string>
}

/** What a project may add; a quota that is null is that of the configuration. Projects without quotas have no row. */
export type ProjectQuotasTable = {
  id: number
  photos_per_day: number | null
  bytes_per_day: number | null
  /** Photos that are not done. */
  waiting: number | null
  /** The day in UTC that the counts are of, such as 2026-01-31. */
  day: Generated<string>
  photos_today: Generated<number>
  bytes_today: Generated<number>
}
