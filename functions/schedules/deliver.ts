import { schedule } from '../../lib/function.ts'
import { lambdaSchedule } from '../../lib/lambda/schedule.ts'
import { deliverDue } from '../../lib/notifications/deliver.ts'
import { targetsOf } from '../../lib/notifications/index.ts'

/** Sends the deliveries that are due; each target in a lane of its own, so that a slow one delays no other. */
export const deliver = schedule({
  every: (config) => config.relayIntervalMs,
  lanes: targetsOf,
  run: deliverDue,
})

export const handler = lambdaSchedule(deliver)
