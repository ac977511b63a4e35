import { readArguments } from '../arguments.ts'
import { openClient } from './client.ts'
import { findRate, isSustained } from './find.ts'
import { type Options, readOptions, USAGE } from './options.ts'
import { makePhoto } from './photo.ts'
import { number, report, reportStep } from './report.ts'
import { type Outcome, run } from './run.ts'
import { withOwnService } from './service.ts'
import { listImages, removePhotos } from './upload.ts'

/** Longest wait for photos that are being processed when they are to be removed, in ms. */
const REMOVAL_MS = 60_000
/** The same after an interrupt. */
const HASTY_REMOVAL_MS = 10_000

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())

await main(readArguments(USAGE, readOptions)).catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})

async function main(options: Options): Promise<void> {
  const photo = await makePhoto(options.bytes)
  const use = options.find ? search : loadOnce
  const fine = options.url
    ? await use({ ...options, url: options.url }, photo)
    : await withOwnService(options.yes, (url, what) => {
        console.log(`A service of its own on ${url} (${what})`)
        return use({ ...options, url }, photo)
      })
  process.exitCode = interrupted.signal.aborted ? 130 : fine ? 0 : 1
}

type Target = Options & { url: string }

/** Whether every photo was done and is gone again. */
async function loadOnce(target: Target, photo: Buffer): Promise<boolean> {
  const { outcome, left } = await attempt(target, target.rate, photo)
  console.log(report(outcome, photo.length))
  return left === 0 && outcome.failed + outcome.refused + outcome.lost === 0
}

/** Whether a rate was found, nothing was lost at any, and every photo is gone again. */
async function search(target: Target, photo: Buffer): Promise<boolean> {
  let fine = true
  let best: Outcome | undefined
  const sustains = async (rate: number) => {
    if (interrupted.signal.aborted) return false
    const { outcome, left } = await attempt(target, rate, photo)
    const sustained = isSustained(outcome)
    console.log(reportStep(outcome, sustained))
    fine &&= left === 0 && outcome.failed + outcome.lost === 0
    if (sustained) best = outcome
    return sustained
  }
  const rate = await findRate(sustains, target.rate)
  if (best) console.log(`\nsustained: ${number(rate)} photos/s\n${report(best, photo.length)}`)
  else console.log('no rate is sustained')
  return fine && rate > 0
}

/** A run at a rate, and the removal of what it made. */
async function attempt(
  { url, seconds, graceMs }: Target,
  rate: number,
  photo: Buffer,
): Promise<{ outcome: Outcome; left: number }> {
  const outcome = await run({ url, rate, seconds, photo, graceMs }, interrupted.signal)
  const client = openClient(8)
  const patience = interrupted.signal.aborted ? HASTY_REMOVAL_MS : REMOVAL_MS
  // A photo whose uuid was never answered is known to the service alone.
  const uuids = new Set([...outcome.uuids, ...(await listImages(client, url, outcome.projectId))])
  const left = await removePhotos(client, url, [...uuids], Math.min(patience, 2 * graceMs))
  client.close()
  if (left > 0) console.error(`${left} photos could not be removed`)
  return { outcome, left }
}
