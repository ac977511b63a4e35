import { schedule } from '../../lib/function.ts'
import { lambdaSchedule } from '../../lib/lambda/schedule.ts'
import { relayEvents } from '../../lib/outbox/relay.ts'

/** Publishes events whose time has come: retries, and what a dead process or broker left behind. */
export const relay = schedule({ every: (config) => config.relayIntervalMs, run: relayEvents })

export const handler = lambdaSchedule(relay)
