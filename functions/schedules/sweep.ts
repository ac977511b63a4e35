import { schedule } from '../../lib/function.ts'
import { lambdaSchedule } from '../../lib/lambda/schedule.ts'
import { sweepPhotos } from '../../lib/photos/upkeep.ts'

/** Frees photos whose worker died, and asks again for those whose message got lost. */
export const sweep = schedule({ every: (config) => config.sweepIntervalMs, run: sweepPhotos })

export const handler = lambdaSchedule(sweep)
