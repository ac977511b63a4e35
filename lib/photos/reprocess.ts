import type { Bulk } from './bulk.ts'
import { requestProcessing } from './request.ts'

/** Requests the processing of photos, but of those being processed or not yet uploaded. */
export const REPROCESS: Bulk = {
  table: 'reprocessings',
  statuses: ['pending', 'completed', 'failed'],
  async act(app, uuids) {
    const { accepted } = await requestProcessing(app, uuids, true)
    return { count: accepted.length }
  },
}
