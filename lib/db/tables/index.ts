import type { ApiKeysTable, IdempotencyKeysTable, ProjectQuotasTable, SigningKeysTable } from './access.ts'
import type { DeliveriesTable, EventsTable, StoppedTargetsTable } from './events.ts'
import type {
  BulkRequestsTable,
  PhotoLabelsTable,
  PhotosTable,
  RemovalsTable,
  RenditionsTable,
} from './photos.ts'
import type { StorageOwnerTable, TurnsTable } from './upkeep.ts'

/** Times are RFC 3339 UTC with milliseconds, JSON columns are JSON text, in PostgreSQL and SQLite alike. */
export type Tables = {
  photos: PhotosTable
  photo_thumbnails: RenditionsTable
  photo_labels: PhotoLabelsTable
  events: EventsTable
  deliveries: DeliveriesTable
  stopped_targets: StoppedTargetsTable
  idempotency_keys: IdempotencyKeysTable
  reprocessings: BulkRequestsTable
  deletions: BulkRequestsTable
  removals: RemovalsTable
  turns: TurnsTable
  storage_owner: StorageOwnerTable
  api_keys: ApiKeysTable
  signing_keys: SigningKeysTable
  project_quotas: ProjectQuotasTable
}

/** The tables of this project, besides the one of the migrations. */
export const TABLES = Object.keys({
  photos: true,
  photo_thumbnails: true,
  photo_labels: true,
  events: true,
  deliveries: true,
  stopped_targets: true,
  idempotency_keys: true,
  reprocessings: true,
  deletions: true,
  removals: true,
  turns: true,
  storage_owner: true,
  api_keys: true,
  signing_keys: true,
  project_quotas: true,
} satisfies Record<keyof Tables, true>)
