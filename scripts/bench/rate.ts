import type { ServiceProcess } from './service.ts'

export const CONNECTIONS = 32
const WARM_UP_MS = 3_000
const MEASURED_MS = 15_000

/** The highest rate at which `ask` is answered, per second, and the processor time of each, in ms. */
export async function measureRate(
  api: ServiceProcess,
  ask: () => Promise<void>,
): Promise<{ rate: number; cpuMs: number }> {
  await askInTurns(ask, WARM_UP_MS)
  const cpu = await api.cpu()
  const start = performance.now()
  const asked = await askInTurns(ask, MEASURED_MS)
  const rate = asked / ((performance.now() - start) / 1000)
  return { rate, cpuMs: ((await api.cpu()) - cpu) / asked }
}

/** Each connection asks again as soon as it has its answer; returns how many answers there were. */
async function askInTurns(ask: () => Promise<void>, ms: number): Promise<number> {
  const deadline = performance.now() + ms
  let asked = 0
  const turns = async () => {
    for (; performance.now() < deadline; asked++) await ask()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, turns))
  return asked
}
