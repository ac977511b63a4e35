import { Type } from '@sinclair/typebox'
import { endpoint } from '../../lib/function.ts'
import { problems } from '../../lib/http/schemas/answers.ts'
import { StatusCounts } from '../../lib/http/schemas/photos.ts'
import { Time } from '../../lib/http/schemas/values.ts'
import { lambda } from '../../lib/lambda/endpoint.ts'
import { readStats } from '../../lib/photos/stats.ts'

const Minute = Type.Object(
  { at: Time, completed: Type.Integer(), failed: Type.Integer() },
  { title: 'Minute', description: 'Photos that ended in one minute' },
)

/** Counts photos by status, and those that ended in each of the last 15 minutes. */
export const showStats = endpoint({
  method: 'GET',
  path: '/photos/stats',
  access: 'read',
  summary: 'Count photos by status, and those that ended in each of the last 15 minutes',
  tag: 'page',
  replies: {
    200: Type.Composite([StatusCounts, Type.Object({ per_minute: Type.Array(Minute) })], {
      title: 'Stats',
      description: 'Photos by status, and those that ended in each of the last 15 minutes',
    }),
    ...problems(503),
  },
  handle: async ({ caller }, { db }) => readStats(db, caller.projects),
})

export const handler = lambda(showStats)
