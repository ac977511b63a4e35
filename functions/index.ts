import type { AnyEndpoint, Live } from '../lib/function.ts'
import { notify } from './consumers/notify.ts'
import { processPhotoMessage } from './consumers/process-photo.ts'
import { receiveUpload } from './consumers/receive-upload.ts'
import { showFile } from './files/show-file.ts'
import { health } from './health/health.ts'
import { healthz } from './health/healthz.ts'
import { liveness } from './health/liveness.ts'
import { metrics } from './health/metrics.ts'
import { readiness } from './health/readiness.ts'
import { show as showJob } from './jobs/show.ts'
import { submit as submitJob } from './jobs/submit.ts'
import { create as createKey } from './keys/create.ts'
import { createToken } from './keys/create-token.ts'
import { list as listKeys } from './keys/list.ts'
import { revoke as revokeKey } from './keys/revoke.ts'
import { showAsset } from './page/show-asset.ts'
import { showByNickname } from './page/show-by-nickname.ts'
import { showContent } from './page/show-content.ts'
import { showPage } from './page/show-page.ts'
import { showStats } from './page/show-stats.ts'
import { signIn } from './page/sign-in.ts'
import { signOut } from './page/sign-out.ts'
import { upload } from './page/upload.ts'
import { uploadForm } from './page/upload-form.ts'
import { add } from './photos/add.ts'
import { list } from './photos/list.ts'
import { listPending } from './photos/list-pending.ts'
import { remove } from './photos/remove.ts'
import { removeMany } from './photos/remove-many.ts'
import { reprocess } from './photos/reprocess.ts'
import { requestProcessing } from './photos/request-processing.ts'
import { show } from './photos/show.ts'
import { update } from './photos/update.ts'
import { confirmUpload } from './projects/confirm-upload.ts'
import { createUpload } from './projects/create-upload.ts'
import { followProject } from './projects/follow-project.ts'
import { listImages } from './projects/list-images.ts'
import { putUpload } from './projects/put-upload.ts'
import { setQuota } from './projects/set-quota.ts'
import { showQuota } from './projects/show-quota.ts'
import { socket } from './projects/socket.ts'
import { takeUpload } from './projects/take-upload.ts'
import { deliver } from './schedules/deliver.ts'
import { relay } from './schedules/relay.ts'
import { sweep } from './schedules/sweep.ts'
import { list as listImageJobs } from './v1/list.ts'
import { livenessV1 } from './v1/liveness.ts'
import { show as showImageJob } from './v1/show.ts'
import { showMetrics } from './v1/show-metrics.ts'
import { showThumbnail } from './v1/show-thumbnail.ts'
import { submit as submitImage } from './v1/submit.ts'
import { submitBatch } from './v1/submit-batch.ts'

/** Every endpoint of the service. */
export const endpoints: readonly AnyEndpoint[] = [
  listPending,
  requestProcessing,
  reprocess,
  add,
  list,
  show,
  update,
  remove,
  removeMany,
  submitJob,
  showJob,
  submitImage,
  submitBatch,
  listImageJobs,
  showImageJob,
  showThumbnail,
  showMetrics,
  livenessV1,
  createUpload,
  takeUpload,
  putUpload,
  confirmUpload,
  listImages,
  showQuota,
  setQuota,
  upload,
  uploadForm,
  showContent,
  showByNickname,
  showStats,
  showFile,
  listKeys,
  createKey,
  revokeKey,
  createToken,
  signIn,
  signOut,
  showPage,
  showAsset,
  health,
  liveness,
  healthz,
  metrics,
  readiness,
]

/** Endpoints that go on talking. */
export const lives: readonly Live[] = [socket, followProject]

export const consumers = [processPhotoMessage, receiveUpload, notify]

export const schedules = [relay, sweep, deliver]
