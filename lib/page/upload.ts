import { type Fault, refusalOf, type Status, UNREACHABLE } from './api.ts'

/** A file on its way: sent in part, then a photo that is processed. */
export type Upload = {
  id: number
  name: string
  bytes: number
  /** Until the service has it. */
  file: File | undefined
  state: 'queued' | 'sending' | 'refused' | Status
  /** How much of it has been sent, 0 to 1. */
  sent: number
  uuid?: string
  error?: Fault
}

type FileResult = { name: string; uuid?: string; error?: Fault }

/** Requests at the same time, and what one may hold: small files share one, large ones have their own. */
const REQUESTS = 3
const MAX_FILES = 10
const MAX_BYTES = 8_000_000

/** How often an upload to a busy service (503) is tried again, and after how many ms where the answer names none. */
const MAX_TRIES = 6
const RETRY_MS = 2_000

/** Sends files a few at a time; `onStored` gets those that the service has taken, `onChange` is called for every step. */
export function openUploads(onStored: (uploads: Upload[]) => void, onChange: () => void) {
  let uploads: Upload[] = []
  let queue: Upload[] = []
  let running = 0
  let lastId = 0

  const start = () => {
    while (running < REQUESTS && queue.length > 0) {
      running++
      void sendBatch(nextBatch()).finally(() => {
        running--
        start()
      })
    }
    onChange()
  }

  const nextBatch = () => {
    let bytes = 0
    let size = 0
    for (const upload of queue.slice(0, MAX_FILES)) {
      bytes += upload.bytes
      if (size > 0 && bytes > MAX_BYTES) break
      size++
    }
    const batch = queue.slice(0, size)
    queue = queue.slice(size)
    return batch
  }

  const sendBatch = async (batch: Upload[], tries = 1): Promise<void> => {
    for (const upload of batch) Object.assign(upload, { state: 'sending', sent: 0 })
    onChange()
    const answer = await post(batch, (sent) => {
      spread(batch, sent)
      onChange()
    })
    if ('retryMs' in answer && tries < MAX_TRIES) {
      await new Promise((resolve) => setTimeout(resolve, answer.retryMs))
      return sendBatch(batch, tries + 1)
    }
    batch.forEach((upload, index) => {
      const result = 'results' in answer ? answer.results[index] : undefined
      // A form that was not read to its end ends with why.
      const refusal = 'results' in answer ? (result ?? answer.results.at(-1)) : answer
      const error = refusal?.error ?? UNREACHABLE
      if (result?.uuid)
        Object.assign(upload, { state: 'pending', sent: 1, uuid: result.uuid, file: undefined })
      else Object.assign(upload, { state: 'refused', sent: 0, error })
    })
    onStored(batch.filter(({ uuid }) => uuid))
    onChange()
  }

  return {
    list: (): readonly Upload[] => uploads,
    isBusy: () => running > 0,
    add(files: readonly File[]) {
      const added = files.map(
        (file): Upload => ({
          id: ++lastId,
          name: file.name,
          bytes: file.size,
          file,
          state: 'queued',
          sent: 0,
        }),
      )
      uploads = [...uploads, ...added]
      queue = [...queue, ...added]
      start()
    },
    /** Sends those again that the service did not take. */
    again(refused: readonly Upload[]) {
      for (const upload of refused) Object.assign(upload, { state: 'queued', error: undefined })
      queue = [...queue, ...refused]
      start()
    },
    /** Takes uploads off the list that need no more attention. */
    drop(isDone: (upload: Upload) => boolean) {
      uploads = uploads.filter((upload) => !isDone(upload))
      onChange()
    },
  }
}

export type Uploads = ReturnType<typeof openUploads>

/** A form is sent in its order: what has been sent of it belongs to the first files first. */
function spread(batch: Upload[], sent: number): void {
  let left = sent
  for (const upload of batch) {
    const size = upload.bytes || 1
    upload.sent = Math.min(1, Math.max(0, left / size))
    left -= size
  }
}

type Answer = { results: FileResult[] } | { error: Fault; retryMs?: number }

/** XMLHttpRequest, because `fetch` does not report how much has been sent. */
function post(batch: readonly Upload[], onSent: (bytes: number) => void): Promise<Answer> {
  return new Promise((resolve) => {
    const form = new FormData()
    for (const { file, name } of batch) if (file) form.append('image', file, name)
    const request = new XMLHttpRequest()
    request.open('POST', '/upload')
    request.upload.addEventListener('progress', ({ loaded }) => onSent(loaded))
    request.addEventListener('load', () => resolve(answerOf(request)))
    request.addEventListener('error', () =>
      resolve({ error: { code: 'upload-interrupted', message: 'The connection broke while it was sent' } }),
    )
    request.send(form)
  })
}

function answerOf(request: XMLHttpRequest): Answer {
  const { status, responseText } = request
  if (status === 202) return JSON.parse(responseText) as { results: FileResult[] }
  const error = refusalOf(status, responseText)
  if (status !== 503) return { error }
  return { error, retryMs: Number(request.getResponseHeader('retry-after')) * 1000 || RETRY_MS }
}
