import { uuidv7 } from 'uuidv7'
import { chunks, type Db, nowPlus } from '../db/port.ts'
import type { EventType } from '../db/tables/events.ts'
import type { EventRow, NewEvent } from './event.ts'
import { laneToWaitIn } from './lanes.ts'
import { type Held, holdBack, markHeld } from './places.ts'

/** How long the relay leaves a fresh event to the request that wrote it, in ms. */
export const GRACE_MS = 5_000

/** Events that stay in the timeline and are no message. */
const SILENT: ReadonlySet<EventType> = new Set(['image.created'])

const NONE_HELD: Held = { lanes: new Map(), isContended: false }

/**
 * Inserts events. Photos that they queue beyond the window of their lane wait there: they are not due. `isContended`:
 * some wait only because another transaction filled their lane at this moment.
 */
export async function insertEvents(
  tx: Db,
  events: readonly NewEvent[],
  trace: string | undefined,
  window: number,
): Promise<{ rows: EventRow[]; isContended: boolean }> {
  const rows = events.map(({ type, photoUuid, data, traceparent, delayMs = 0 }) => ({
    id: uuidv7(),
    photo_uuid: photoUuid,
    project_id: data !== undefined && 'project_id' in data ? data.project_id : null,
    type,
    at: '',
    data: data === undefined ? null : JSON.stringify(data),
    traceparent: traceparent ?? trace ?? null,
    due: delayMs === 0 && !SILENT.has(type),
  }))
  const queued = queuedPhotos(rows.filter(({ due }) => due))
  const held = queued.length > 1 ? await holdBack(tx, queued, window) : NONE_HELD
  const laneOf = ({ due, type, photo_uuid }: EventRow) => {
    if (!due || type !== 'image.queued' || photo_uuid === null) return null
    // A single photo, the usual request, costs no statement more.
    return queued.length === 1 ? laneToWaitIn(photo_uuid, window) : (held.lanes.get(photo_uuid) ?? null)
  }
  const values = rows.map((row, index) => {
    const { attempt = null, detail = null, delayMs = 0 } = events[index] as NewEvent
    const publish_after = SILENT.has(row.type) ? null : nowPlus(delayMs || GRACE_MS)
    const { due: _, ...columns } = row
    return {
      ...columns,
      at: nowPlus(),
      attempt,
      detail,
      publish_after,
      published_at: null,
      lane: laneOf(row),
    }
  })
  const stored = new Map<string, { at: string; lane: string | null }>()
  for (const part of chunks(values)) {
    const inserted = await tx.insertInto('events').values(part).returning(['id', 'at', 'lane']).execute()
    for (const { id, ...columns } of inserted) stored.set(id, columns)
  }
  for (const row of rows) {
    const { at = '', lane = null } = stored.get(row.id) ?? {}
    row.at = at
    row.due &&= lane === null
  }
  await markHeld(tx, queuedPhotos(rows.filter(({ due }) => !due)))
  return { rows, isContended: held.isContended }
}

const queuedPhotos = (rows: readonly EventRow[]) =>
  rows.flatMap(({ type, photo_uuid }) => (type === 'image.queued' ? (photo_uuid ?? []) : []))
