import type { AnyEndpoint } from '../lib/function.ts'
import { processPhotoMessage } from './consumers/process-photo.ts'
import { showFile } from './files/show-file.ts'
import { health } from './health/health.ts'
import { liveness } from './health/liveness.ts'
import { readiness } from './health/readiness.ts'
import { add } from './photos/add.ts'
import { list } from './photos/list.ts'
import { listPending } from './photos/list-pending.ts'
import { process } from './photos/process.ts'
import { remove } from './photos/remove.ts'
import { show } from './photos/show.ts'
import { relay } from './schedules/relay.ts'
import { sweep } from './schedules/sweep.ts'

/** Every endpoint of the service. */
export const endpoints: readonly AnyEndpoint[] = [
  listPending,
  process,
  add,
  list,
  show,
  remove,
  showFile,
  health,
  liveness,
  readiness,
]

export const consumers = [processPhotoMessage]

export const schedules = [relay, sweep]
