import { type AnyEndpoint, type Live, named } from '../lib/function.ts'
import { notify } from './consumers/notify.ts'
import { processPhotoMessage } from './consumers/process-photo.ts'
import { receiveUpload } from './consumers/receive-upload.ts'
import { showFile } from './files/show-file.ts'
import { health as checkHealth } from './health/health.ts'
import { healthz as checkHealthz } from './health/healthz.ts'
import { liveness as checkLiveness } from './health/liveness.ts'
import { metrics as showMetrics } from './health/metrics.ts'
import { readiness as checkReadiness } from './health/readiness.ts'
import { show as showJob } from './jobs/show.ts'
import { submit as submitJob } from './jobs/submit.ts'
import { create as createKey } from './keys/create.ts'
import { createToken } from './keys/create-token.ts'
import { list as listKeys } from './keys/list.ts'
import { revoke as revokeKey } from './keys/revoke.ts'
import { showAsset } from './page/show-asset.ts'
import { showContent as showPhotoContent } from './page/show-content.ts'
import { showPage } from './page/show-page.ts'
import { showStats as showPhotoStats } from './page/show-stats.ts'
import { signIn } from './page/sign-in.ts'
import { signOut } from './page/sign-out.ts'
import { upload as uploadPhotos } from './page/upload.ts'
import { add as addPhotos } from './photos/add.ts'
import { list as listPhotos } from './photos/list.ts'
import { listPending as listPendingPhotos } from './photos/list-pending.ts'
import { remove as removePhoto } from './photos/remove.ts'
import { reprocess as reprocessPhotos } from './photos/reprocess.ts'
import { requestProcessing } from './photos/request-processing.ts'
import { show as showPhoto } from './photos/show.ts'
import { confirmUpload } from './projects/confirm-upload.ts'
import { createUpload } from './projects/create-upload.ts'
import { followProject } from './projects/follow-project.ts'
import { listImages as listProjectImages } from './projects/list-images.ts'
import { setQuota } from './projects/set-quota.ts'
import { showQuota } from './projects/show-quota.ts'
import { socket as openSocket } from './projects/socket.ts'
import { takeUpload } from './projects/take-upload.ts'
import { deliver } from './schedules/deliver.ts'
import { relay } from './schedules/relay.ts'
import { sweep } from './schedules/sweep.ts'
import { list as listImageJobs } from './v1/list.ts'
import { livenessV1 as checkLivenessV1 } from './v1/liveness.ts'
import { show as showImageJob } from './v1/show.ts'
import { showMetrics as countImageJobs } from './v1/show-metrics.ts'
import { showThumbnail as showImageJobThumbnail } from './v1/show-thumbnail.ts'
import { submit as submitImage } from './v1/submit.ts'
import { submitBatch as submitImages } from './v1/submit-batch.ts'

/** Every endpoint of the service; the name of each here is the `operationId` under which it is described. */
export const endpoints = named<AnyEndpoint>({
  listPendingPhotos,
  requestProcessing,
  reprocessPhotos,
  addPhotos,
  listPhotos,
  showPhoto,
  removePhoto,
  submitJob,
  showJob,
  submitImage,
  submitImages,
  listImageJobs,
  showImageJob,
  showImageJobThumbnail,
  countImageJobs,
  checkLivenessV1,
  createUpload,
  takeUpload,
  confirmUpload,
  listProjectImages,
  showQuota,
  setQuota,
  uploadPhotos,
  showPhotoContent,
  showPhotoStats,
  showFile,
  listKeys,
  createKey,
  revokeKey,
  createToken,
  signIn,
  signOut,
  showPage,
  showAsset,
  checkHealth,
  checkLiveness,
  checkHealthz,
  showMetrics,
  checkReadiness,
})

/** Endpoints that go on talking. */
export const lives = named<Live>({ openSocket, followProject })

export const consumers = [processPhotoMessage, receiveUpload, notify]

export const schedules = [relay, sweep, deliver]
