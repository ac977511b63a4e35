/** A worker whose thread ends as one does that has used up its heap, which would take gigabytes. */
export default function work(): Promise<never> {
  setImmediate(() => {
    throw Object.assign(new Error('Worker terminated due to reaching memory limit: JS heap out of memory'), {
      code: 'ERR_WORKER_OUT_OF_MEMORY',
    })
  })
  return new Promise(() => {})
}
