import { schedule } from '../../lib/function.ts'
import { lambdaSchedule } from '../../lib/lambda/schedule.ts'
import { relayEvents } from '../../lib/outbox/relay.ts'

/** Shortest wait between two looks at the outbox, in ms. */
const SHORTEST_MS = 50

/** Photos that workers may claim in a ms: a window of so many lasts as long as the wait between two looks. */
const CLAIMS_PER_MS = 10

/** Publishes what is left in the outbox: retries whose time has come, photos whose turn it is, what a dead process or broker left. */
export const relay = schedule({
  name: 'relay',
  access: 'internal',
  every: ({ relayIntervalMs, queueWindow }) =>
    Math.min(relayIntervalMs, Math.max(SHORTEST_MS, queueWindow / CLAIMS_PER_MS)),
  run: relayEvents,
})

export const handler = lambdaSchedule(relay)
