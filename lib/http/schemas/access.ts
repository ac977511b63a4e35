import { Type } from '@sinclair/typebox'
import { SCOPES } from '../../access/caller.ts'
import { Nullable, ProjectId, Time } from './values.ts'

/** What a credential lets its bearer do. */
export const ScopeName = Type.Union(
  SCOPES.map((scope) => Type.Literal(scope)),
  { title: 'Scope', description: '`read` shows, `write` makes and removes, `admin` does everything' },
)

/** A key as it is listed. */
export const ShownKey = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    scopes: Type.Array(ScopeName),
    projects: Type.Union([Type.Literal('*'), Type.Array(Type.Integer())]),
    rate_limit: Nullable(Type.Integer({ description: 'requests a minute, where not RATE_LIMIT' })),
    created_at: Time,
    expires_at: Nullable(Time),
    revoked_at: Nullable(Time),
    last_used_at: Nullable(Time),
  },
  { title: 'Key', description: 'A key as it is listed: its secret is not kept' },
)

const QuotaUsage = Type.Object(
  {
    own: Nullable(Type.Integer({ description: 'of the project itself' })),
    limit: Nullable(Type.Integer({ description: 'the one in force; null: none' })),
    used: Type.Integer({ description: 'today in UTC; of waiting: now' }),
  },
  { title: 'Quota' },
)

/** What a project may add, and what it has added. */
export const ProjectUsage = Type.Object(
  {
    project_id: ProjectId,
    photos_per_day: QuotaUsage,
    bytes_per_day: QuotaUsage,
    waiting: QuotaUsage,
  },
  { title: 'ProjectUsage', description: 'What a project may add, and what it has added' },
)
