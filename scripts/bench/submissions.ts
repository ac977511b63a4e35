import { openClient } from '../load/client.ts'
import { CONNECTIONS, measureRate } from './rate.ts'
import { type Environment, startRole } from './service.ts'

/** `POST /v1/images` in each duplicate mode: the highest rate. */
export async function benchSubmissions(env: Environment): Promise<Record<string, string>> {
  const figures: Record<string, string> = {}
  for (const mode of ['allow-retry', 'reuse-completed', 'reject-active']) {
    const api = await startRole('api', { ...env, DUPLICATE_HANDLING: mode })
    const client = openClient(256)
    let sent = 0
    const { rate, cpuMs } = await measureRate(api, async () => {
      const url = `https://example.com/${mode}/${sent++}.jpg`
      const answer = await client.json('POST', `${api.url}/v1/images`, { url })
      if (answer.status !== 202) throw new Error(`POST /v1/images answered ${answer.status}`)
    })
    figures[`POST /v1/images, ${CONNECTIONS} connections, ${mode}`] =
      `${Math.round(rate)}/s, ${cpuMs.toFixed(2)} ms of processor time of the api`
    client.close()
    await api.stop()
  }
  return figures
}
