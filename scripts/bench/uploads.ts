import { type Client, openClient } from '../load/client.ts'
import { pace, percentile } from '../load/pace.ts'
import { CONNECTIONS, measureRate } from './rate.ts'
import { type Environment, startRole } from './service.ts'

const OPEN_SECONDS = 20
/** Half of the 1,000/s that are wanted. */
const USUAL_RATE = 500

/** `POST /images`: the highest rate, then the times at rates that do not wait for answers. */
export async function benchUploads(env: Environment): Promise<Record<string, string>> {
  const api = await startRole('api', env)
  const client = openClient(256)
  const { rate, cpuMs } = await measureRate(api, () => send(client, api.url))
  const usual = await askAtRate(client, api.url, USUAL_RATE)
  const half = await askAtRate(client, api.url, rate / 2)
  client.close()
  await api.stop()
  const describe = (times: number[]) =>
    `p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms`
  return {
    [`POST /images, ${CONNECTIONS} connections`]: `${Math.round(rate)}/s`,
    'POST /images, processor time of the api': `${cpuMs.toFixed(2)} ms per request`,
    [`POST /images at ${USUAL_RATE}/s`]: describe(usual),
    [`POST /images at ${Math.round(rate / 2)}/s, half of what it can`]: describe(half),
  }
}

/** Sends requests at a rate; returns how long each answer took, in ms. */
async function askAtRate(client: Client, url: string, rate: number): Promise<number[]> {
  const answers: Promise<number>[] = []
  const timed = async () => {
    const start = performance.now()
    await send(client, url)
    return performance.now() - start
  }
  await pace(rate, OPEN_SECONDS, () => answers.push(timed()))
  return Promise.all(answers)
}

async function send(client: Client, url: string): Promise<void> {
  const answer = await client.json('POST', `${url}/images`, { filename: 'a.jpg', project_id: 1 })
  if (answer.status !== 201) throw new Error(`POST /images answered ${answer.status}`)
}
