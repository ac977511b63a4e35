import type { Environment } from '../../support/app.ts'
import { renderersOf } from '../../support/processes.ts'
import { freePort, type Service, startScript } from '../../support/service.ts'

/** The processes of the service, by the npm script that starts each. */
const SCRIPTS = { api: 'api', relay: 'relay', worker: 'worker', otherWorker: 'worker' } as const

export type Member = keyof typeof SCRIPTS

const MEMBERS = Object.keys(SCRIPTS) as Member[]

/** Of what a process has printed, as much as says what it met, in characters. */
const TAIL = 3_000

export type Fleet = {
  /** Of the api. */
  url: string
  /** Starts a process, as its supervisor does; `untilUp` says when it is there. */
  start(member: Member): void
  /** Resolves to the exit code when it has ended. */
  kill(member: Member, signal: NodeJS.Signals): Promise<number | null>
  /** Ends the renderers of all workers by SIGKILL. */
  killRenderers(): Promise<void>
  untilUp(): Promise<void>
  /** The processes whose `/livez` does not answer 200. */
  late(): Promise<Member[]>
  /** The end of what each process has printed since it was started. */
  words(): Promise<string>
  close(): Promise<void>
}

/** Starts an api, a relay and two workers. */
export async function openFleet(env: Environment): Promise<Fleet> {
  const port = String(await freePort())
  const healthPorts = new Map<Member, string>()
  for (const member of MEMBERS) healthPorts.set(member, String(await freePort()))
  const services = new Map<Member, Promise<Service>>()
  const start = (member: Member) => {
    const more = { HEALTH_PORT: healthPorts.get(member) ?? '', ...(member === 'api' && { PORT: port }) }
    const starting = startScript(SCRIPTS[member], { ...env, ...more }, /Try: curl| ready/)
    // Who waits for it is told.
    starting.catch(() => {})
    services.set(member, starting)
  }
  const kill = async (member: Member, signal: NodeJS.Signals) =>
    (await services.get(member))?.kill(signal) ?? null
  const isTurning = (member: Member) =>
    fetch(`http://127.0.0.1:${healthPorts.get(member)}/livez`).then(
      ({ ok }) => ok,
      () => false,
    )
  const untilUp = async () => void (await Promise.all(services.values()))
  for (const member of MEMBERS) start(member)
  const fleet: Fleet = {
    url: `http://127.0.0.1:${port}`,
    start,
    kill,
    untilUp,
    async killRenderers() {
      for (const member of ['worker', 'otherWorker'] as const)
        for (const pid of await renderersOf((await services.get(member))?.pid ?? 0)) end(pid)
    },
    async late() {
      const turning = await Promise.all(MEMBERS.map(isTurning))
      return MEMBERS.filter((_, i) => !turning[i])
    },
    async words() {
      const words = await Promise.all(
        MEMBERS.map(async (member) => `${member}: ${(await services.get(member))?.output().slice(-TAIL)}`),
      )
      return words.join('\n')
    },
    async close() {
      await Promise.all(MEMBERS.map((member) => kill(member, 'SIGKILL').catch(() => null)))
    },
  }
  await untilUp().catch(async (error) => {
    await fleet.close()
    throw error
  })
  return fleet
}

/** By SIGKILL; it may have ended by itself. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
