import { schedule } from '../../lib/function.ts'
import { lambdaSchedule } from '../../lib/lambda/schedule.ts'
import { deliverDue } from '../../lib/notifications/deliver.ts'
import { targetsOf } from '../../lib/notifications/index.ts'
import { finishSending } from '../../lib/notifications/slots.ts'

/** Sends the deliveries whose time has come; each target has its own lane, so that a slow one delays no other. */
export const deliver = schedule({
  name: 'deliver',
  access: 'internal',
  every: (config) => config.relayIntervalMs,
  lanes: targetsOf,
  run: deliverDue,
  finish: ({ db }) => finishSending(db),
})

export const handler = lambdaSchedule(deliver)
