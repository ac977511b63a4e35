import type { ServiceProcess } from './service.ts'

export const CONNECTIONS = 32
const WARM_UP_MS = 3_000
const MEASURED_MS = 15_000

/** The highest rate at which requests are answered, per second, and the processor time of each, in ms. */
export async function measureRate(
  api: ServiceProcess,
  send: () => Promise<void>,
): Promise<{ rate: number; cpuMs: number }> {
  await sendInTurns(send, WARM_UP_MS)
  const cpu = await api.cpu()
  const start = performance.now()
  const answered = await sendInTurns(send, MEASURED_MS)
  const rate = answered / ((performance.now() - start) / 1000)
  return { rate, cpuMs: ((await api.cpu()) - cpu) / answered }
}

/** Each connection sends the next request as soon as it has its answer; returns how many answers there were. */
async function sendInTurns(send: () => Promise<void>, ms: number): Promise<number> {
  const deadline = performance.now() + ms
  let answered = 0
  const turns = async () => {
    for (; performance.now() < deadline; answered++) await send()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, turns))
  return answered
}
